#!/usr/bin/env bash
# postgres 3.4.9 (postgres.js): when the session of a reserved connection ends (here: terminated by an administrator, as in a failover), and the pool has reconnected
# for another statement, the reserved `sql` goes on in the new session without an error: the advisory lock that it took is free. So does the `sql` of
# begin(): what its callback writes next is committed alone, outside of any transaction, although begin() rejects. (postgres#1155 has the second one.)
# The client of pg 8.23.1 refuses.
source "$(dirname "$0")/support.sh"
packages postgres@3.4.9 pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import pg from 'pg';
import postgres from 'postgres';

const admin = new pg.Client({ connectionString: process.env.DATABASE_URL });
await admin.connect();
await admin.query('CREATE TABLE note (line int)');
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
const locks = async () => (await admin.query(`SELECT FROM pg_locks WHERE locktype = 'advisory'`)).rowCount;

async function terminate(pid) {
  await admin.query('SELECT pg_terminate_backend($1)', [pid]);
  while ((await admin.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount > 0) await pause();
}
function pool() {
  let closed;
  const whenClosed = new Promise((resolve) => (closed = resolve));
  const sql = postgres(process.env.DATABASE_URL, { max: 1, onclose: () => closed(), onnotice: () => undefined });
  return { sql, whenClosed };
}

const first = pool();
const reserved = await first.sql.reserve();
const [{ pid }] = await reserved`SELECT pg_advisory_lock(7), pg_backend_pid() AS pid`;
console.log(`reserved: ${await locks()} lock`);
await terminate(pid);
await first.whenClosed;
await first.sql`SELECT 'another request'`;
const answer = await reserved`SELECT pg_backend_pid() AS pid`.then(
  ([row]) => (row.pid === pid ? 'the same session' : 'another session'),
  () => 'refused',
);
console.log(`its next statement: ${answer}, ${await locks()} locks`);

const second = pool();
let written;
const rest = new Promise((resolve) => (written = resolve));
const outcome = await second.sql
  .begin(async (tx) => {
    const [{ pid }] = await tx`SELECT pg_backend_pid() AS pid`;
    await tx`INSERT INTO note VALUES (1)`;
    await terminate(pid);
    await second.whenClosed;
    await second.sql`SELECT 'another request'`;
    await tx`INSERT INTO note VALUES (2)`.then(
      () => written('accepted'),
      () => written('refused'),
    );
  })
  .catch(({ code }) => code);
const insert = await rest;
const { rows } = await admin.query('SELECT line FROM note');
console.log(`begin: ${outcome}, its next INSERT ${insert}, lines there: ${rows.map(({ line }) => line)}`);

const clients = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 1 });
const client = await clients.connect();
client.on('error', () => undefined);
const ended = new Promise((resolve) => client.once('end', resolve));
await terminate(client.processID);
await ended;
console.log(`pg: ${await client.query('SELECT 1').then(() => 'accepted', () => 'refused')}`);
client.release(true);
await Promise.all([clients.end(), admin.end(), first.sql.end({ timeout: 0 }), second.sql.end({ timeout: 0 })]);
process.exit();
JS
with_postgres finding.mjs >seen
expect 'reserved: 1 lock
its next statement: another session, 0 locks
begin: CONNECTION_CLOSED, its next INSERT accepted, lines there: 2
pg: refused' seen
