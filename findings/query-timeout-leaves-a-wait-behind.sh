#!/usr/bin/env bash
# pg 8.23.1: `query_timeout` ends a query for the caller only. The server's wait goes on, the ROLLBACK that follows stands behind it and runs
# into the timeout as well, and is never sent where it was still in the client's queue: the client, given back to the pool, sits in an open
# transaction that is granted the table lock later, and keeps it.
source "$(dirname "$0")/support.sh"
packages pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import pg from 'pg';
const connectionString = process.env.DATABASE_URL;
const pool = new pg.Pool({ connectionString, max: 1, query_timeout: 300 });
const other = new pg.Client({ connectionString });
await other.connect();
await other.query('CREATE TABLE orders (id int)');
await other.query('BEGIN');
await other.query('LOCK TABLE orders');

const client = await pool.connect();
const tell = (what) => (error) => console.log(`${what}: ${error.message}`);
await client.query('BEGIN');
await client.query('LOCK TABLE orders').catch(tell('LOCK TABLE'));
await client.query('ROLLBACK').catch(tell('ROLLBACK'));
client.release();

await other.query('COMMIT');
const granted = `SELECT a.state FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.relation = 'orders'::regclass AND l.granted AND a.pid <> pg_backend_pid() AND a.state LIKE 'idle%'`;
let rows = [];
for (let tries = 0; rows.length === 0 && tries < 50; tries++) {
  ({ rows } = await other.query(granted));
  if (rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
}
console.log(`the lock is held by: ${rows.map(({ state }) => state)}`);
console.log(`in the pool: ${pool.idleCount} idle`);
await other.end();
await pool.end();
JS
with_postgres finding.mjs >seen
expect 'LOCK TABLE: Query read timeout
ROLLBACK: Query read timeout
the lock is held by: idle in transaction
in the pool: 1 idle' seen
