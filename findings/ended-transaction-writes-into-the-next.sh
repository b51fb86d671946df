#!/usr/bin/env bash
# drizzle-orm 0.45.4, postgres 3.4.9: the `tx` of drizzle's transaction() and the `sql` of postgres.js' begin() go on working when their transaction is over: what is run on it
# runs on the connection, inside the transaction that took the connection next, is rolled back with that, and frees or holds its locks. (Of drizzle on pg:
# drizzle-orm#6083.) Kysely, Knex, TypeORM, Sequelize, MikroORM and pg-promise refuse.
source "$(dirname "$0")/support.sh"
packages drizzle-orm@0.45.4 postgres@3.4.9 kysely@0.29.9 knex@3.3.0 typeorm@1.1.1 sequelize@6.37.8 pg-promise@12.7.1 \
  @mikro-orm/core@7.2.1 @mikro-orm/postgresql@7.2.1 pg@8.23.1 reflect-metadata@0.2.2 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { drizzle as drizzleOnPostgres } from 'drizzle-orm/postgres-js';
import knex from 'knex';
import { Kysely, PostgresDialect, sql as kyselySql } from 'kysely';
import pg from 'pg';
import pgPromise from 'pg-promise';
import postgres from 'postgres';
import { Sequelize } from 'sequelize';
import { DataSource } from 'typeorm';

const url = process.env.DATABASE_URL;
const admin = new pg.Client({ connectionString: url });
await admin.connect();
await admin.query('CREATE TABLE note (author text)');
const holders = `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory'`;

async function late(client, transaction, run) {
  let kept;
  await transaction(async (tx) => {
    kept = tx;
    await run(tx, 'SELECT 1');
  });
  let outcome;
  await transaction(async (tx) => {
    await run(tx, `INSERT INTO note VALUES ('another request')`);
    outcome = await (async () => run(kept, `INSERT INTO note VALUES ('the ended one')`))().then(
      () => 'accepted',
      () => 'refused',
    );
    if (outcome === 'accepted') await run(kept, 'SELECT pg_advisory_xact_lock(1)');
    const { rows } = await admin.query(holders);
    if (outcome === 'accepted') outcome += `, ${rows[0].count} lock in the other transaction`;
    throw new Error('of the other request');
  }).catch(() => undefined);
  const { rowCount } = await admin.query('SELECT FROM note');
  console.log(`${client}: ${outcome}${outcome === 'refused' ? '' : `, rolled back with it: ${rowCount === 0}`}`);
}

const pool = new pg.Pool({ connectionString: url, max: 1 });
const onPg = drizzle({ client: pool });
await late('drizzle on pg', (work) => onPg.transaction(work), (tx, text) => tx.execute(drizzleSql.raw(text)));
const sql = postgres(url, { max: 1 });
const onPostgres = drizzleOnPostgres(sql);
await late('drizzle on postgres', (work) => onPostgres.transaction(work), (tx, text) => tx.execute(drizzleSql.raw(text)));
await late('postgres', (work) => sql.begin(work), (tx, text) => tx.unsafe(text));
const kysely = new Kysely({ dialect: new PostgresDialect({ pool }) });
await late('kysely', (work) => kysely.transaction().execute(work), (tx, text) => kyselySql.raw(text).execute(tx));
const knexed = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } });
await late('knex', (work) => knexed.transaction(work), (tx, text) => tx.raw(text));
const source = await new DataSource({ type: 'postgres', url, extra: { max: 1 } }).initialize();
await late('typeorm', (work) => source.transaction(work), (tx, text) => tx.query(text));
const sequelize = new Sequelize(url, { logging: false, pool: { max: 1 } });
await late('sequelize', (work) => sequelize.transaction(work), (transaction, text) => sequelize.query(text, { transaction }));
const db = pgPromise()({ connectionString: url, max: 1 });
await late('pg-promise', (work) => db.tx(work), (tx, text) => tx.any(text));
const entities = [new EntitySchema({ name: 'Note', properties: { author: { type: 'text', primary: true } } })];
const orm = await MikroORM.init({ entities, clientUrl: url, dbName: 'postgres', pool: { min: 0, max: 1 } });
await late('mikro-orm', (work) => orm.em.fork().transactional(work), (tx, text) => tx.execute(text));

await Promise.all([pool.end(), sql.end(), knexed.destroy(), source.destroy(), sequelize.close(), db.$pool.end(), orm.close(), admin.end()]);
JS
with_postgres finding.mjs >seen
expect 'drizzle on pg: accepted, 1 lock in the other transaction, rolled back with it: true
drizzle on postgres: accepted, 1 lock in the other transaction, rolled back with it: true
postgres: accepted, 1 lock in the other transaction, rolled back with it: true
kysely: refused
knex: refused
typeorm: refused
sequelize: refused
pg-promise: refused
mikro-orm: refused' seen
