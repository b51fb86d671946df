#!/usr/bin/env bash
# typeorm 1.1.1: QueryRunner.release() with an open transaction gives the connection back to the pool with it. The lock stays, statements of other requests
# fall into the transaction and are not committed, until the next transaction() on the connection commits its own work and all of theirs.
source "$(dirname "$0")/support.sh"
packages typeorm@1.1.1 pg@8.23.1 reflect-metadata@0.2.2 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import pg from 'pg';
import { DataSource } from 'typeorm';

const url = process.env.DATABASE_URL;
const admin = new pg.Client({ connectionString: url });
await admin.connect();
await admin.query('CREATE TABLE note (author text)');
const source = await new DataSource({ type: 'postgres', url, extra: { max: 1 } }).initialize();

async function tell(title) {
  const { rows } = await admin.query('SELECT author FROM note');
  const { rows: holders } = await admin.query(
    `SELECT a.state FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory'`,
  );
  const lock = holders.length === 0 ? 'free' : holders[0].state;
  console.log(`${title}: committed ${rows.map(({ author }) => author).join(', ') || 'nothing'}; lock: ${lock}`);
}
const runner = source.createQueryRunner();
await runner.startTransaction();
try {
  await runner.query('SELECT pg_advisory_xact_lock(1)');
  await runner.query(`INSERT INTO note VALUES ('abandoned')`);
  // Returns early, neither committed nor rolled back.
} finally {
  await runner.release();
}
await tell('released');
await source.query(`INSERT INTO note VALUES ('a query')`);
await tell('query() of another request');
await source.transaction((manager) => manager.query(`INSERT INTO note VALUES ('a transaction')`));
await tell('transaction() of a third one');
await source.destroy();
await admin.end();
JS
with_postgres finding.mjs >seen
expect 'released: committed nothing; lock: idle in transaction
query() of another request: committed nothing; lock: idle in transaction
transaction() of a third one: committed abandoned, a query, a transaction; lock: free' seen
