#!/usr/bin/env bash
# knex 3.3.0 and kysely 0.29.9 before PgBouncer 1.18 (Debian 12): `.timeout(ms, { cancel: true })` and `inflightQueryAbortStrategy: 'cancel query'` call
# pg_cancel_backend with the process id that the server sent at the start. PgBouncer sends one of its own there: nothing is cancelled, which is a warning
# of the server only, and an UPDATE that was reported as timed out is carried out when the row is free. postgres.js 3.4.9 sends the
# protocol's own cancel request, which PgBouncer forwards.
# Needs Debian's pgbouncer.
source "$(dirname "$0")/support.sh"
pgbouncer_module
packages knex@3.3.0 kysely@0.29.9 postgres@3.4.9 pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import { setTimeout as pause } from 'node:timers/promises';
import knex from 'knex';
import { Kysely, PostgresDialect, sql as kyselySql } from 'kysely';
import pg from 'pg';
import postgres from 'postgres';
import pgbouncer from './pgbouncer.mjs';

const bouncer = await pgbouncer({ default_pool_size: 5 });
const connect = async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  return client;
};
const [admin, holder] = [await connect(), await connect()];
await admin.query('CREATE TABLE account (credit int); INSERT INTO account VALUES (0)');
const waiting = async () => (await admin.query(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)).rowCount > 0;
const SQL = 'UPDATE account SET credit = credit + 10';

async function giveUp(title, run, end) {
  await admin.query('UPDATE account SET credit = 0');
  await holder.query('BEGIN; SELECT FROM account FOR UPDATE');
  const outcome = await run().then(
    () => 'accepted',
    () => 'given up',
  );
  for (let tries = 0; tries < 100 && (await waiting()); tries++) await pause(20);
  await holder.query('COMMIT');
  while (await waiting()) await pause(20);
  await pause(200);
  const { rows } = await admin.query('SELECT credit FROM account');
  console.log(`${title}: ${outcome}, ${rows[0].credit === 0 ? 'not applied' : 'applied afterwards'}`);
  await end();
}
for (const [way, url] of [
  ['directly', process.env.DATABASE_URL],
  ['through PgBouncer', bouncer.url],
]) {
  const knexed = knex({ client: 'pg', connection: url, pool: { min: 0, max: 2 } });
  await giveUp(`knex, ${way}`, () => knexed.raw(SQL).timeout(500, { cancel: true }), () => knexed.destroy());

  const kysely = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 2 }) }) });
  const abort = new AbortController();
  const options = { signal: abort.signal, inflightQueryAbortStrategy: 'cancel query' };
  const whenWaiting = async () => {
    while (!(await waiting())) await pause(20);
  };
  await giveUp(
    `kysely, ${way}`,
    () => {
      whenWaiting().then(() => abort.abort());
      return kyselySql.raw(SQL).execute(kysely, options);
    },
    () => kysely.destroy(),
  );

  const sql = postgres(url, { max: 2, prepare: false });
  await giveUp(
    `postgres, ${way}`,
    () => {
      const update = sql.unsafe(SQL).execute();
      whenWaiting().then(() => update.cancel());
      return update;
    },
    () => sql.end(),
  );
}
await Promise.all([admin.end(), holder.end()]);
await bouncer.stop();
JS
with_postgres finding.mjs 2>/dev/null >seen
expect 'knex, directly: given up, not applied
kysely, directly: given up, not applied
postgres, directly: given up, not applied
knex, through PgBouncer: given up, applied afterwards
kysely, through PgBouncer: given up, applied afterwards
postgres, through PgBouncer: given up, not applied' seen
