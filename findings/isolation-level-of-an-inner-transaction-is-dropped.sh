#!/usr/bin/env bash
# typeorm 1.1.1, knex 3.3.0, @mikro-orm/postgresql 7.2.5, sequelize 6.37.8: the isolation level given to an inner transaction is dropped without a word. As outermost
# transactions under SERIALIZABLE, one of two that each leave a shift if another one stays is refused; within a plain transaction of the caller's both
# commit, and the shift is empty. PostgreSQL itself refuses to change the level inside a transaction that has run a statement (25001).
source "$(dirname "$0")/support.sh"
packages typeorm@1.1.1 knex@3.3.0 @mikro-orm/core@7.2.5 @mikro-orm/postgresql@7.2.5 sequelize@6.37.8 pg@8.23.1 reflect-metadata@0.2.2 \
  embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { EntitySchema, IsolationLevel, MikroORM } from '@mikro-orm/postgresql';
import knex from 'knex';
import pg from 'pg';
import { Sequelize } from 'sequelize';
import { DataSource } from 'typeorm';

const url = process.env.DATABASE_URL;
const admin = new pg.Client({ connectionString: url });
await admin.connect();
await admin.query('CREATE TABLE doctor (name text PRIMARY KEY, present boolean)');

function meeting(parties) {
  let open;
  const met = new Promise((resolve) => (open = resolve));
  return () => (--parties === 0 ? open() : undefined, met);
}
async function shift(title, transaction, run) {
  await admin.query(`TRUNCATE doctor; INSERT INTO doctor VALUES ('a', true), ('b', true)`);
  const bothCounted = meeting(2);
  const leave = (name) =>
    transaction(async (tx) => {
      const result = await run(tx, 'SELECT name FROM doctor WHERE present');
      await bothCounted();
      if (result.length > 1) await run(tx, `UPDATE doctor SET present = false WHERE name = '${name}'`);
    });
  const outcomes = await Promise.allSettled([leave('a'), leave('b')]);
  const refused = outcomes.filter(({ status }) => status === 'rejected').length;
  const { rowCount } = await admin.query('SELECT FROM doctor WHERE present');
  console.log(`${title}: ${refused} refused, ${rowCount} present`);
}
async function both(client, plain, outermost, inner, run) {
  await shift(`${client}, outermost`, outermost, run);
  await shift(
    `${client}, inner`,
    (work) =>
      plain(async (outer) => {
        await run(outer, 'SELECT 1');
        await inner(outer, work);
      }),
    run,
  );
}

const source = await new DataSource({ type: 'postgres', url }).initialize();
await both(
  'typeorm',
  (work) => source.transaction(work),
  (work) => source.transaction('SERIALIZABLE', work),
  (outer, work) => outer.transaction('SERIALIZABLE', work),
  (manager, text) => manager.query(text),
);
const knexed = knex({ client: 'pg', connection: url });
const isolationLevel = 'serializable';
await both(
  'knex',
  (work) => knexed.transaction(work),
  (work) => knexed.transaction(work, { isolationLevel }),
  (outer, work) => outer.transaction(work, { isolationLevel }),
  async (trx, text) => (await trx.raw(text)).rows,
);
const entities = [new EntitySchema({ name: 'Doctor', properties: { name: { type: 'text', primary: true } } })];
const orm = await MikroORM.init({ entities, clientUrl: url, dbName: 'postgres' });
const serializable = { isolationLevel: IsolationLevel.SERIALIZABLE };
await both(
  'mikro-orm',
  (work) => orm.em.fork().transactional(work),
  (work) => orm.em.fork().transactional(work, serializable),
  (outer, work) => outer.transactional(work, serializable),
  (em, text) => em.execute(text),
);
const sequelize = new Sequelize(url, { logging: false });
const options = { isolationLevel: 'SERIALIZABLE' };
await both(
  'sequelize',
  (work) => sequelize.transaction(work),
  (work) => sequelize.transaction(options, work),
  (transaction, work) => sequelize.transaction({ ...options, transaction }, work),
  async (transaction, text) => (await sequelize.query(text, { transaction }))[0],
);
await Promise.all([admin.end(), source.destroy(), knexed.destroy(), orm.close(), sequelize.close()]);
JS
with_postgres finding.mjs >seen
expect 'typeorm, outermost: 1 refused, 1 present
typeorm, inner: 0 refused, 0 present
knex, outermost: 1 refused, 1 present
knex, inner: 0 refused, 0 present
mikro-orm, outermost: 1 refused, 1 present
mikro-orm, inner: 0 refused, 0 present
sequelize, outermost: 1 refused, 1 present
sequelize, inner: 0 refused, 0 present' seen
