#!/usr/bin/env bash
# PostgreSQL 18.4: who waits for FOR UPDATE of a row stands in no queue that the weaker row locks respect. Each INSERT of a child takes FOR KEY SHARE of its parent
# and passes the waiter while any other such transaction is open: as long as inserts overlap the parent is never locked, nor deleted. A table lock and an
# advisory lock make later requests wait behind the one that waits.
source "$(dirname "$0")/support.sh"
packages pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import pg from 'pg';
const connect = async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  return client;
};
const [one, two, waiter, admin] = [await connect(), await connect(), await connect(), await connect()];
await admin.query(`CREATE TABLE customer (id int PRIMARY KEY); INSERT INTO customer VALUES (1);
  CREATE TABLE invoice (customer int REFERENCES customer)`);
for (const client of [one, two]) await client.query(`SET lock_timeout = '500ms'`);
const waits = 'SELECT FROM pg_locks WHERE pid = $1 AND NOT granted';

// Transactions that overlap: each new one begins before the last one ends.
async function run(title, wanted, shared) {
  let [current, next] = [one, two];
  await current.query(`BEGIN; ${shared}`);
  await waiter.query('BEGIN');
  let granted = false;
  const wait = waiter.query(wanted).then(() => (granted = true));
  while ((await admin.query(waits, [waiter.processID])).rowCount === 0) await new Promise(setImmediate);
  let passed = 0;
  let refused = '';
  while (passed < 200 && !granted && refused === '') {
    await next.query('BEGIN');
    refused = await next.query(shared).then(
      () => '',
      (error) => error.code,
    );
    if (refused !== '') break;
    await current.query('COMMIT');
    [current, next] = [next, current];
    passed++;
  }
  console.log(`${title}: ${passed} passed${refused === '' ? '' : `, the next one: ${refused}`}; granted meanwhile: ${granted}`);
  for (const client of [one, two]) await client.query('ROLLBACK');
  await wait;
  await waiter.query('ROLLBACK');
}
const insert = 'INSERT INTO invoice VALUES (1)';
await run('FOR UPDATE', 'SELECT FROM customer WHERE id = 1 FOR UPDATE', insert);
await run('FOR UPDATE, readers FOR SHARE', 'SELECT FROM customer WHERE id = 1 FOR UPDATE', 'SELECT FROM customer FOR SHARE');
await run('LOCK TABLE', 'LOCK TABLE customer IN EXCLUSIVE MODE', insert);
await run('advisory', 'SELECT pg_advisory_xact_lock(1)', 'SELECT pg_advisory_xact_lock_shared(1)');
for (const client of [one, two, waiter, admin]) await client.end();
JS
with_postgres finding.mjs >seen
expect 'FOR UPDATE: 200 passed; granted meanwhile: false
FOR UPDATE, readers FOR SHARE: 200 passed; granted meanwhile: false
LOCK TABLE: 0 passed, the next one: 55P03; granted meanwhile: false
advisory: 0 passed, the next one: 55P03; granted meanwhile: false' seen
