#!/usr/bin/env bash
# typeorm 1.1.1, @mikro-orm/postgresql 7.2.5, drizzle-orm 0.45.4: a cache that is on for all queries (`cache: { alwaysEnabled: true }`, `resultCache: { global }`, strategy `all`)
# answers a locked read as well, and so does `cache` on the read itself. Then no FOR UPDATE reaches the server: nothing is locked, two transactions are
# inside at once, and what they read may be from before the last commit; only Drizzle forgets what a write touches. (Rails leaves its query cache out where a lock is asked for, rails#6985.)
source "$(dirname "$0")/support.sh"
packages typeorm@1.1.1 @mikro-orm/core@7.2.5 @mikro-orm/postgresql@7.2.5 drizzle-orm@0.45.4 pg@8.23.1 reflect-metadata@0.2.2 \
  embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { EntitySchema, LockMode, MikroORM } from '@mikro-orm/postgresql';
import { eq } from 'drizzle-orm';
import { Cache } from 'drizzle-orm/cache/core';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { DataSource, EntitySchema as TypeOrmSchema } from 'typeorm';

const url = process.env.DATABASE_URL;
const admin = new pg.Client({ connectionString: url });
await admin.connect();
await admin.query('CREATE TABLE account (id int PRIMARY KEY, credit int NOT NULL); INSERT INTO account VALUES (1, 0)');
const waiting = async () => (await admin.query(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)).rowCount > 0;

// Three requests add 10 each: one that is over, and two at the same time.
async function deposits(title, transaction, read, write) {
  await admin.query('UPDATE account SET credit = 0');
  const deposit = (meanwhile) =>
    transaction(async (manager) => {
      const { credit } = await read(manager);
      await meanwhile?.();
      await write(manager, credit + 10);
    });
  await deposit();
  let third;
  let waits;
  await deposit(async () => {
    third = deposit(() => (waits ??= false));
    while (waits === undefined) if (await waiting()) waits ??= true;
  });
  await third;
  const { rows } = await admin.query('SELECT credit FROM account');
  console.log(`${title}: the third ${waits ? 'waits' : 'does not wait'}, ${rows[0].credit} of 30`);
}

const Account = new TypeOrmSchema({ name: 'account', columns: { id: { type: 'int', primary: true }, credit: { type: 'int' } } });
const where = { id: 1 };
const lock = { mode: 'pessimistic_write' };
for (const [title, cache, options] of [
  ['typeorm', false, {}],
  ['typeorm, alwaysEnabled', { alwaysEnabled: true, duration: 60_000 }, {}],
  ['typeorm, cache of the read', true, { cache: 60_000 }],
]) {
  const source = await new DataSource({ type: 'postgres', url, entities: [Account], synchronize: true, cache }).initialize();
  await source.queryResultCache?.clear();
  await deposits(
    title,
    (work) => source.transaction(work),
    (manager) => manager.findOne(Account, { where, lock, ...options }),
    (manager, credit) => manager.update(Account, where, { credit }),
  );
  await source.destroy();
}

class MikroAccount {}
const schema = new EntitySchema({
  class: MikroAccount,
  tableName: 'account',
  properties: { id: { type: 'integer', primary: true }, credit: { type: 'integer' } },
});
for (const [title, global, options] of [
  ['mikro-orm', false, {}],
  ['mikro-orm, global', 60_000, {}],
  ['mikro-orm, cache of the read', false, { cache: 60_000 }],
]) {
  const orm = await MikroORM.init({ entities: [schema], clientUrl: url, dbName: 'postgres', resultCache: { global } });
  await deposits(
    title,
    (work) => orm.em.fork().transactional(work),
    (em) => em.findOneOrFail(MikroAccount, where, { lockMode: LockMode.PESSIMISTIC_WRITE, ...options }),
    (em, credit) => em.nativeUpdate(MikroAccount, where, { credit }),
  );
  await orm.close();
}

class EverythingCache extends Cache {
  #kept = new Map();
  strategy = () => 'all';
  get = async (key) => this.#kept.get(key);
  put = async (key, response) => void this.#kept.set(key, response);
  onMutate = async () => this.#kept.clear();
}
const table = pgTable('account', { id: integer().primaryKey(), credit: integer() });
for (const [title, cache] of [
  ['drizzle', undefined],
  ['drizzle, strategy all', new EverythingCache()],
]) {
  const client = new pg.Pool({ connectionString: url });
  const db = drizzle({ client, cache });
  await deposits(
    title,
    (work) => db.transaction(work),
    async (tx) => (await tx.select().from(table).where(eq(table.id, 1)).for('update'))[0],
    (tx, credit) => tx.update(table).set({ credit }).where(eq(table.id, 1)),
  );
  await client.end();
}
await admin.end();
JS
with_postgres finding.mjs >seen
expect 'typeorm: the third waits, 30 of 30
typeorm, alwaysEnabled: the third does not wait, 10 of 30
typeorm, cache of the read: the third does not wait, 10 of 30
mikro-orm: the third waits, 30 of 30
mikro-orm, global: the third does not wait, 10 of 30
mikro-orm, cache of the read: the third does not wait, 10 of 30
drizzle: the third waits, 30 of 30
drizzle, strategy all: the third does not wait, 20 of 30' seen
