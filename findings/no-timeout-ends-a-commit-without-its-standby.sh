#!/usr/bin/env bash
# PostgreSQL 18.4: a COMMIT that waits for its synchronous standby is ended by none of statement_timeout, lock_timeout, transaction_timeout and
# idle_in_transaction_session_timeout: the timers are stopped before the wait. The transaction is written, no other session sees it, and it keeps its row and advisory
# locks. pg_cancel_backend then makes it a COMMIT like any other, with a warning beside it; after pg_terminate_backend COMMIT rejects, and the row is there.
source "$(dirname "$0")/support.sh"
packages pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
const connect = async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};
const [admin, other] = [await connect(), await connect()];
await admin.query('SET synchronous_commit = off');
await admin.query('CREATE TABLE note (id int)');
await admin.query(`ALTER SYSTEM SET synchronous_standby_names = 'away'`);
await admin.query('SELECT pg_reload_conf()');
while ((await other.query('SHOW synchronous_standby_names')).rows[0].synchronous_standby_names === '') await pause(20);

const state = `SELECT (SELECT wait_event FROM pg_stat_activity WHERE pid = $1) AS wait,
  (SELECT count(*)::int FROM pg_locks WHERE pid = $1 AND locktype = 'advisory') AS locks, (SELECT count(*)::int FROM note) AS rows`;
for (const end of ['pg_cancel_backend', 'pg_terminate_backend']) {
  await admin.query('TRUNCATE note');
  const client = await connect();
  let warning = 'no warning';
  client.on('notice', ({ message }) => (warning = message.replace(/ (due|and) .*/, '')));
  for (const timeout of ['statement', 'lock', 'transaction', 'idle_in_transaction_session']) {
    await client.query(`SET ${timeout}_timeout = '2s'`);
  }
  await client.query('BEGIN; SELECT pg_advisory_xact_lock(7); INSERT INTO note VALUES (1)');
  const commit = client.query('COMMIT').then(
    ({ command }) => command,
    () => 'rejects',
  );
  while ((await admin.query(state, [client.processID])).rows[0].wait !== 'SyncRep') await pause(20);
  await pause(4_000);
  const { wait, locks, rows } = (await admin.query(state, [client.processID])).rows[0];
  console.log(`twice the timeouts later: ${wait}, ${locks} lock, ${rows} rows to be seen`);
  await admin.query(`SELECT ${end}($1)`, [client.processID]);
  const outcome = await commit;
  const after = (await admin.query('SELECT FROM note')).rowCount;
  console.log(`${end}: ${outcome}, ${after} row, ${warning}`);
  await client.end().catch(() => undefined);
}
await Promise.all([admin.end(), other.end()]);
JS
with_postgres finding.mjs >seen
expect 'twice the timeouts later: SyncRep, 1 lock, 0 rows to be seen
pg_cancel_backend: COMMIT, 1 row, canceling wait for synchronous replication
twice the timeouts later: SyncRep, 1 lock, 0 rows to be seen
pg_terminate_backend: rejects, 1 row, canceling the wait for synchronous replication' seen
