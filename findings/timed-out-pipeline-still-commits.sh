#!/usr/bin/env bash
# pg 8.23.1: with `pipeline: true`, BEGIN, an UPDATE and COMMIT are on their way before the first answer. A `query_timeout` of the UPDATE, which waits for a row lock, closes the
# connection, and all that follows rejects with it. The server has the COMMIT already: when the row is free, it executes both, and notices only then
# that the client is gone. Who repeats the transaction has it twice. Without `pipeline` nothing is written; with lock_timeout instead the server rolls back.
source "$(dirname "$0")/support.sh"
packages pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import pg from 'pg';
const connect = async (options) => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL, ...options });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};
const [admin, holder] = [await connect(), await connect()];
await admin.query('CREATE TABLE account (credit int); INSERT INTO account VALUES (0)');
const alive = `SELECT FROM pg_stat_activity WHERE pid = $1`;
for (const [title, options] of [
  ['query_timeout', { query_timeout: 1_000 }],
  ['pipeline, query_timeout', { pipeline: true, query_timeout: 1_000 }],
  ['pipeline, lock_timeout', { pipeline: true, lock_timeout: 1_000 }],
]) {
  await admin.query('UPDATE account SET credit = 0');
  await holder.query('BEGIN; SELECT FROM account FOR UPDATE');
  const client = await connect(options);
  const outcomes = await Promise.allSettled(
    ['BEGIN', 'UPDATE account SET credit = credit + 10', 'COMMIT'].map((text) => client.query(text)),
  );
  const [, update, commit] = outcomes.map(({ reason, value }) => value?.command ?? reason.code ?? 'rejected by the client');
  await client.end().catch(() => undefined);
  await holder.query('COMMIT');
  while ((await admin.query(alive, [client.processID])).rowCount > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const { rows } = await admin.query('SELECT credit FROM account');
  console.log(`${title}: UPDATE ${update}; COMMIT ${commit}; credit ${rows[0].credit}`);
}
await Promise.all([admin.end(), holder.end()]);
JS
with_postgres finding.mjs 2>/dev/null >seen
expect 'query_timeout: UPDATE rejected by the client; COMMIT rejected by the client; credit 0
pipeline, query_timeout: UPDATE rejected by the client; COMMIT rejected by the client; credit 10
pipeline, lock_timeout: UPDATE 55P03; COMMIT ROLLBACK; credit 0' seen
