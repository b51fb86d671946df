#!/usr/bin/env bash
# PostgreSQL 13.23, 18.4: under REPEATABLE READ and SERIALIZABLE the statement that takes an advisory lock takes the snapshot before it waits. Who is granted
# the lock does not see what its former holder committed, and fails with 40001 where it writes. LOCK TABLE, and SET before it, take no snapshot.
# Under READ COMMITTED the same holds within the one statement that takes the lock and reads.
source "$(dirname "$0")/support.sh"

cat >"$folder/finding.mjs" <<'JS'
import pg from 'pg';
const connect = async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  return client;
};
const [holder, waiter, admin] = [await connect(), await connect(), await connect()];
await admin.query('CREATE TABLE account (credit int); INSERT INTO account VALUES (0)');
const waits = 'SELECT FROM pg_locks WHERE pid = $1 AND NOT granted';

async function run(title, isolation, lock, read = 'SELECT credit FROM account') {
  await admin.query('UPDATE account SET credit = 0');
  await holder.query(`BEGIN; ${lock.split(',')[0]}; UPDATE account SET credit = 1`);
  await waiter.query(`BEGIN ISOLATION LEVEL ${isolation}; SET LOCAL lock_timeout = '1min'`);
  const granted = waiter.query(lock);
  while ((await admin.query(waits, [waiter.processID])).rowCount === 0) await new Promise(setImmediate);
  await holder.query('COMMIT');
  const { rows } = read === '' ? await granted : await granted.then(() => waiter.query(read));
  const written = await waiter.query('UPDATE account SET credit = credit + 1').then(
    () => 'writes',
    (error) => error.code,
  );
  await waiter.query('ROLLBACK');
  console.log(`${isolation}, ${title}: reads ${rows[0].credit}, ${written}`);
}
const advisory = 'SELECT pg_advisory_xact_lock(7)';
for (const isolation of ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE']) {
  await run('advisory', isolation, advisory);
  await run('LOCK TABLE', isolation, 'LOCK TABLE account IN SHARE ROW EXCLUSIVE MODE');
}
await run('one statement', 'READ COMMITTED', `${advisory}, (SELECT credit FROM account)`, '');
for (const client of [holder, waiter, admin]) await client.end();
JS
for server in 13.23.0-beta.16 18.4.0-beta.17; do
  packages pg@8.23.1 "embedded-postgres@$server"
  echo "PostgreSQL ${server%.0-*}"
  with_postgres finding.mjs
done >"$folder/seen"
same='READ COMMITTED, advisory: reads 1, writes
READ COMMITTED, LOCK TABLE: reads 1, writes
REPEATABLE READ, advisory: reads 0, 40001
REPEATABLE READ, LOCK TABLE: reads 1, writes
SERIALIZABLE, advisory: reads 0, 40001
SERIALIZABLE, LOCK TABLE: reads 1, writes
READ COMMITTED, one statement: reads 0, writes'
expect "PostgreSQL 13.23
$same
PostgreSQL 18.4
$same" "$folder/seen"
