#!/usr/bin/env bash
# drizzle-orm 0.45.4, knex 3.3.0, typeorm 1.1.1, sequelize 6.37.8, @mikro-orm/postgresql 7.2.1, pg-promise 12.7.1: where the work catches a refused lock and goes on, PostgreSQL answers
# the COMMIT with ROLLBACK, without an error. These six do not look at the answer: the transaction resolves, and nothing is written. Kysely 0.29.9
# and postgres 3.4.9 reject.
source "$(dirname "$0")/support.sh"
packages drizzle-orm@0.45.4 postgres@3.4.9 kysely@0.29.9 knex@3.3.0 typeorm@1.1.1 sequelize@6.37.8 pg-promise@12.7.1 \
  @mikro-orm/core@7.2.1 @mikro-orm/postgresql@7.2.1 pg@8.23.1 reflect-metadata@0.2.2 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import knex from 'knex';
import { Kysely, PostgresDialect, sql as kyselySql } from 'kysely';
import pg from 'pg';
import pgPromise from 'pg-promise';
import postgres from 'postgres';
import { Sequelize } from 'sequelize';
import { DataSource } from 'typeorm';

const url = process.env.DATABASE_URL;
const [admin, holder] = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })];
for (const client of [admin, holder]) await client.connect();
await admin.query('CREATE TABLE account (id int); INSERT INTO account VALUES (1); CREATE TABLE attempt (at timestamptz)');
await holder.query('BEGIN; SELECT FROM account FOR UPDATE');

async function attempt(client, transaction, run) {
  await admin.query('TRUNCATE attempt');
  const work = async (tx) => {
    await run(tx, 'INSERT INTO attempt VALUES (now())');
    await run(tx, 'SELECT FROM account FOR UPDATE NOWAIT').catch(() => undefined); // somebody else is at work on it: all right
  };
  const outcome = await transaction(work).then(
    () => 'resolves',
    () => 'rejects',
  );
  const { rowCount } = await admin.query('SELECT FROM attempt');
  console.log(`${client}: ${outcome}, ${rowCount} rows written`);
}

const pool = new pg.Pool({ connectionString: url, max: 1 });
const orm = drizzle({ client: pool });
await attempt('drizzle', (work) => orm.transaction(work), (tx, text) => tx.execute(drizzleSql.raw(text)));
const knexed = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } });
await attempt('knex', (work) => knexed.transaction(work), (tx, text) => tx.raw(text));
const source = await new DataSource({ type: 'postgres', url }).initialize();
await attempt('typeorm', (work) => source.transaction(work), (tx, text) => tx.query(text));
const sequelize = new Sequelize(url, { logging: false });
await attempt('sequelize', (work) => sequelize.transaction(work), (transaction, text) => sequelize.query(text, { transaction }));
const entities = [new EntitySchema({ name: 'Account', properties: { id: { type: 'integer', primary: true } } })];
const mikro = await MikroORM.init({ entities, clientUrl: url, dbName: 'postgres' });
await attempt('mikro-orm', (work) => mikro.em.fork().transactional(work), (tx, text) => tx.execute(text));
const db = pgPromise()(url);
await attempt('pg-promise', (work) => db.tx(work), (tx, text) => tx.any(text));
const kysely = new Kysely({ dialect: new PostgresDialect({ pool }) });
await attempt('kysely', (work) => kysely.transaction().execute(work), (tx, text) => kyselySql.raw(text).execute(tx));
const sql = postgres(url, { max: 1 });
await attempt('postgres', (work) => sql.begin(work), (tx, text) => tx.unsafe(text));
const ends = [pool.end(), knexed.destroy(), source.destroy(), sequelize.close(), mikro.close(), db.$pool.end(), sql.end()];
await Promise.all([...ends, admin.end(), holder.end()]);
JS
with_postgres finding.mjs >seen
expect 'drizzle: resolves, 0 rows written
knex: resolves, 0 rows written
typeorm: resolves, 0 rows written
sequelize: resolves, 0 rows written
mikro-orm: resolves, 0 rows written
pg-promise: resolves, 0 rows written
kysely: rejects, 0 rows written
postgres: rejects, 0 rows written' seen
