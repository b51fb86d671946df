#!/usr/bin/env bash
# PostgreSQL 13.23, 18.4: a COMMIT after NOTIFY takes a lock on all databases until it is through. While one waits for its synchronous standby, every other transaction that
# has notified waits in its COMMIT, whatever its own synchronous_commit, its channel and its database; lock_timeout counts there, and ends it: a COMMIT fails with
# 55P03, and what the transaction wrote is gone. Without NOTIFY in the first one nothing waits.
source "$(dirname "$0")/support.sh"

cat >"$folder/finding.mjs" <<'JS'
import pg from 'pg';
const connect = async (database = 'postgres') => {
  const url = new URL(process.env.DATABASE_URL);
  url.pathname = database;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  return client;
};
const [admin, slow] = [await connect(), await connect()];
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
await admin.query('SET synchronous_commit = off');
await admin.query('CREATE DATABASE elsewhere');
const other = await connect('elsewhere');
await other.query(`SET synchronous_commit = off; SET lock_timeout = '500ms'; CREATE TABLE note (id int)`);
await admin.query('CREATE TABLE note (id int)');
await admin.query(`ALTER SYSTEM SET synchronous_standby_names = 'away'`);
await admin.query('SELECT pg_reload_conf()');
while ((await slow.query('SHOW synchronous_standby_names')).rows[0].synchronous_standby_names === '') await pause();

const waits = `SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'`;
for (const first of ['INSERT INTO note VALUES (1)', 'INSERT INTO note VALUES (1); NOTIFY one']) {
  const commit = slow.query(`BEGIN; ${first}; COMMIT`);
  while ((await admin.query(waits, [slow.processID])).rowCount === 0) await pause();
  await other.query('BEGIN; INSERT INTO note VALUES (2); NOTIFY two');
  const outcome = await other.query('COMMIT').then(
    ({ command }) => command,
    ({ code }) => code,
  );
  const { rowCount } = await other.query('SELECT FROM note');
  await other.query('TRUNCATE note');
  console.log(`${first}: the other COMMIT gives ${outcome}, ${rowCount} rows written`);
  await admin.query('SELECT pg_cancel_backend($1)', [slow.processID]); // ends the wait for the standby
  await commit;
}
for (const client of [admin, slow, other]) await client.end();
JS
for server in 13.23.0-beta.16 18.4.0-beta.17; do
  packages pg@8.23.1 "embedded-postgres@$server"
  echo "PostgreSQL ${server%.0-*}"
  with_postgres finding.mjs
done >"$folder/seen"
same='INSERT INTO note VALUES (1): the other COMMIT gives COMMIT, 1 rows written
INSERT INTO note VALUES (1); NOTIFY one: the other COMMIT gives 55P03, 0 rows written'
expect "PostgreSQL 13.23
$same
PostgreSQL 18.4
$same" "$folder/seen"
