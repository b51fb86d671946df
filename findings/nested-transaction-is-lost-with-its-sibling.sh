#!/usr/bin/env bash
# drizzle-orm 0.45.4, sequelize 6.37.8, @mikro-orm/postgresql 7.2.1, postgres 3.4.9: of two nested transactions that run at the same time in one, the one that
# resolved is undone when the other one, which began before it, rolls back to its savepoint. The outer transaction commits without it, and nothing is
# reported. Knex 3.3.0 lets the second one wait for the first, and keeps it.
source "$(dirname "$0")/support.sh"
packages drizzle-orm@0.45.4 sequelize@6.37.8 @mikro-orm/core@7.2.1 @mikro-orm/postgresql@7.2.1 postgres@3.4.9 knex@3.3.0 pg@8.23.1 \
  embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import { EntitySchema, MikroORM } from '@mikro-orm/postgresql';
import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import knex from 'knex';
import pg from 'pg';
import postgres from 'postgres';
import { Sequelize } from 'sequelize';

const url = process.env.DATABASE_URL;
const admin = new pg.Client({ connectionString: url });
await admin.connect();
await admin.query('CREATE TABLE payment (id int)');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function siblings(client, transaction, nested, run) {
  await admin.query('TRUNCATE payment');
  await transaction(async (tx) => {
    let written;
    const isWritten = new Promise((resolve) => (written = resolve));
    let begun;
    const hasBegun = new Promise((resolve) => (begun = resolve));
    const failing = nested(tx, async (inner) => {
      await run(inner, 'SELECT 1');
      begun();
      await Promise.race([isWritten, pause(1000)]); // Knex's sibling waits, so that this has to go on without it
      throw new Error('refused');
    });
    await hasBegun;
    const paying = nested(tx, (inner) => run(inner, 'INSERT INTO payment VALUES (1)'));
    void paying.then(written, written);
    const [failed, paid] = await Promise.allSettled([failing, paying]);
    console.log(`${client}: the failing one ${failed.status}, the other one ${paid.status}`);
  });
  const { rowCount } = await admin.query('SELECT FROM payment');
  console.log(`${client}: ${rowCount} payments after the commit`);
}

const pool = new pg.Pool({ connectionString: url, max: 1 });
const orm = drizzle({ client: pool });
const nest = (tx, work) => tx.transaction(work);
await siblings('drizzle', (work) => orm.transaction(work), nest, (tx, text) => tx.execute(drizzleSql.raw(text)));
const sequelize = new Sequelize(url, { logging: false, pool: { max: 1 } });
await siblings(
  'sequelize',
  (work) => sequelize.transaction(work),
  (transaction, work) => sequelize.transaction({ transaction }, work),
  (transaction, text) => sequelize.query(text, { transaction }),
);
const entities = [new EntitySchema({ name: 'Payment', properties: { id: { type: 'integer', primary: true } } })];
const mikro = await MikroORM.init({ entities, clientUrl: url, dbName: 'postgres' });
await siblings(
  'mikro-orm',
  (work) => mikro.em.fork().transactional(work),
  (em, work) => em.transactional(work),
  (em, text) => em.execute(text),
);
const sql = postgres(url, { max: 1 });
await siblings('postgres', (work) => sql.begin(work), (tx, work) => tx.savepoint(work), (tx, text) => tx.unsafe(text));
const knexed = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } });
await siblings('knex', (work) => knexed.transaction(work), nest, (tx, text) => tx.raw(text));
await Promise.all([admin.end(), pool.end(), sequelize.close(), mikro.close(), sql.end(), knexed.destroy()]);
JS
with_postgres finding.mjs >seen
lost() {
  printf '%s: the failing one rejected, the other one fulfilled\n%s: %s payments after the commit\n' "$1" "$1" "$2"
}
expect "$(lost drizzle 0; lost sequelize 0; lost mikro-orm 0; lost postgres 0; lost knex 1)" seen
