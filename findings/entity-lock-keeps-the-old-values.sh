#!/usr/bin/env bash
# @mikro-orm/postgresql 7.2.5: em.lock(entity, PESSIMISTIC_WRITE) waits for the row and leaves the entity as it was read before the wait. What is computed from it and
# flushed overwrites what the other transaction has committed: of 100, 90 and then 10 are withdrawn, and 90 are left. em.refresh and em.findOne
# with the same lockMode bring the entity up to date, also where it was loaded before.
source "$(dirname "$0")/support.sh"
packages @mikro-orm/core@7.2.5 @mikro-orm/postgresql@7.2.5 pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import { EntitySchema, LockMode, MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';

const connect = async () => {
  const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
  await client.connect();
  return client;
};
const [admin, other] = [await connect(), await connect()];
await admin.query('CREATE TABLE account (id int PRIMARY KEY, credit int); INSERT INTO account VALUES (1, 100)');
const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;

class Account {}
const schema = new EntitySchema({
  class: Account,
  tableName: 'account',
  properties: { id: { type: 'integer', primary: true }, credit: { type: 'integer' } },
});
const orm = await MikroORM.init({ entities: [schema], clientUrl: process.env.DATABASE_URL, dbName: 'postgres' });
const lockMode = LockMode.PESSIMISTIC_WRITE;
for (const [title, lock] of [
  ['em.lock', (em, account) => em.lock(account, lockMode)],
  ['em.refresh', (em, account) => em.refresh(account, { lockMode })],
  ['em.findOne', (em) => em.findOne(Account, 1, { lockMode })],
]) {
  await admin.query('UPDATE account SET credit = 100');
  await other.query('BEGIN; UPDATE account SET credit = credit - 90');
  const withdrawal = orm.em.fork().transactional(async (em) => {
    const account = await em.findOneOrFail(Account, 1);
    await lock(em, account);
    const seen = account.credit;
    account.credit -= 10;
    return seen;
  });
  while ((await admin.query(waiting)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await other.query('COMMIT');
  const seen = await withdrawal;
  const { rows } = await admin.query('SELECT credit FROM account');
  console.log(`${title}: sees ${seen}, leaves ${rows[0].credit}`);
}
await Promise.all([admin.end(), other.end(), orm.close()]);
JS
with_postgres finding.mjs >seen
expect 'em.lock: sees 100, leaves 90
em.refresh: sees 10, leaves 0
em.findOne: sees 10, leaves 0' seen
