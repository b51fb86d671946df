#!/usr/bin/env bash
# pg-query-stream 4.17.0 (and pg-cursor under it), PostgreSQL 18.4: a stream whose reader has stopped reading leaves the session 'active' between
# two batches. statement_timeout is over with the batch, idle_in_transaction_session_timeout and idle_session_timeout do not count because nothing
# is idle, and the lock on the table stays. transaction_timeout (17 and later) is the only one that ends it.
source "$(dirname "$0")/support.sh"
packages pg@8.23.1 pg-query-stream@4.17.0 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import pg from 'pg';
import QueryStream from 'pg-query-stream';
const connect = async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};
const admin = await connect();
await admin.query('CREATE TABLE big AS SELECT g FROM generate_series(1, 20000) g');

const timeouts = ['statement', 'idle_in_transaction_session', 'idle_session', 'transaction'];
for (const begin of [false, true]) {
  for (const timeout of timeouts) {
    const reader = await connect();
    await reader.query(`SET ${timeout}_timeout = '300ms'`);
    if (begin) await reader.query('BEGIN');
    const stream = reader.query(new QueryStream('SELECT g FROM big', [], { batchSize: 10 }));
    stream.on('error', () => undefined);
    await stream[Symbol.asyncIterator]().next();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const { rows } = await admin.query(
      `SELECT state, (SELECT string_agg(mode, ', ') FROM pg_locks WHERE pid = a.pid AND relation = 'big'::regclass) AS lock
       FROM pg_stat_activity a WHERE pid = $1`,
      [reader.processID],
    );
    const seen = rows.length === 0 ? 'ended' : `${rows[0].state}, holds ${rows[0].lock}`;
    console.log(`${begin ? 'in a transaction' : 'alone'}, ${timeout}_timeout: ${seen}`);
    reader.connection.stream.destroy();
  }
}
await admin.end();
JS
with_postgres finding.mjs >seen
expect 'alone, statement_timeout: active, holds AccessShareLock
alone, idle_in_transaction_session_timeout: active, holds AccessShareLock
alone, idle_session_timeout: active, holds AccessShareLock
alone, transaction_timeout: ended
in a transaction, statement_timeout: active, holds AccessShareLock
in a transaction, idle_in_transaction_session_timeout: active, holds AccessShareLock
in a transaction, idle_session_timeout: active, holds AccessShareLock
in a transaction, transaction_timeout: ended' seen
