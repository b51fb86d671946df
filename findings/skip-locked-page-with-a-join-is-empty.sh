#!/usr/bin/env bash
# typeorm 1.1.1, @mikro-orm/postgresql 7.2.1: a worker that takes the next two rows that are not locked, joined with another table, gets none while the first two are
# locked. Both choose the page in a query (TypeORM) or subquery (MikroORM) that locks nothing, and lock, and skip, outside of it. Without the join,
# and with the relation loaded by a second query, the next two are found. Sequelize 6.37.8 locks inside the page, and finds them with a join.
source "$(dirname "$0")/support.sh"
packages typeorm@1.1.1 @mikro-orm/core@7.2.1 @mikro-orm/postgresql@7.2.1 sequelize@6.37.8 pg@8.23.1 reflect-metadata@0.2.2 \
  embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { Collection, EntitySchema, LockMode, MikroORM } from '@mikro-orm/postgresql';
import pg from 'pg';
import { Sequelize } from 'sequelize';
import { DataSource, EntitySchema as TypeOrmSchema } from 'typeorm';

const url = process.env.DATABASE_URL;
const admin = new pg.Client({ connectionString: url });
await admin.connect();
await admin.query(`CREATE TABLE job (id int PRIMARY KEY); CREATE TABLE step (id int PRIMARY KEY, "jobId" int REFERENCES job);
  INSERT INTO job SELECT generate_series(1, 5); INSERT INTO step SELECT g, (g + 1) / 2 FROM generate_series(1, 10) g`);

async function twoWorkers(title, transaction, take) {
  let first;
  let second;
  await transaction(async (one) => {
    first = await take(one);
    await transaction(async (two) => {
      second = await take(two);
    });
  });
  const ids = (jobs) => jobs.map(({ id }) => id).join(' and ') || 'nothing';
  console.log(`${title}: ${ids(first)}, then ${ids(second)}`);
}

const Job = new TypeOrmSchema({
  name: 'job',
  columns: { id: { type: 'int', primary: true } },
  relations: { steps: { type: 'one-to-many', target: 'step', inverseSide: 'job' } },
});
const Step = new TypeOrmSchema({
  name: 'step',
  columns: { id: { type: 'int', primary: true } },
  relations: { job: { type: 'many-to-one', target: 'job', joinColumn: { name: 'jobId' } } },
});
const source = await new DataSource({ type: 'postgres', url, entities: [Job, Step] }).initialize();
const lock = { mode: 'pessimistic_write', onLocked: 'skip_locked', tables: ['job'] };
const page = { order: { id: 'ASC' }, take: 2, lock };
for (const [title, options] of [
  ['typeorm', page],
  ['typeorm, joined', { ...page, relations: { steps: true } }],
  ['typeorm, second query', { ...page, relations: { steps: true }, relationLoadStrategy: 'query' }],
])
  await twoWorkers(title, (work) => source.transaction(work), (manager) => manager.find(Job, options));

class MikroJob {
  steps = new Collection(this);
}
class MikroStep {}
const entities = [
  new EntitySchema({
    class: MikroJob,
    tableName: 'job',
    properties: {
      id: { type: 'integer', primary: true },
      steps: { kind: '1:m', entity: () => MikroStep, mappedBy: 'job' },
    },
  }),
  new EntitySchema({
    class: MikroStep,
    tableName: 'step',
    properties: {
      id: { type: 'integer', primary: true },
      job: { kind: 'm:1', entity: () => MikroJob, fieldName: 'jobId' },
    },
  }),
];
const orm = await MikroORM.init({ entities, clientUrl: url, dbName: 'postgres' });
const next = { orderBy: { id: 'asc' }, limit: 2, lockMode: LockMode.PESSIMISTIC_PARTIAL_WRITE };
for (const [title, options] of [
  ['mikro-orm', next],
  ['mikro-orm, joined', { ...next, populate: ['steps'], strategy: 'joined' }],
  ['mikro-orm, second query', { ...next, populate: ['steps'], strategy: 'select-in' }],
])
  await twoWorkers(title, (work) => orm.em.fork().transactional(work), (em) => em.find(MikroJob, {}, options));

const sequelize = new Sequelize(url, { logging: false, define: { timestamps: false, freezeTableName: true } });
const SequelizeJob = sequelize.define('job', {});
const SequelizeStep = sequelize.define('step', {});
SequelizeJob.hasMany(SequelizeStep, { foreignKey: 'jobId' });
await twoWorkers('sequelize, joined', (work) => sequelize.transaction(work), (transaction) =>
  SequelizeJob.findAll({
    order: [['id', 'ASC']],
    limit: 2,
    include: [SequelizeStep],
    transaction,
    lock: { level: transaction.LOCK.UPDATE, of: SequelizeJob },
    skipLocked: true,
  }),
);
await Promise.all([admin.end(), source.destroy(), orm.close(), sequelize.close()]);
JS
with_postgres finding.mjs >seen
expect 'typeorm: 1 and 2, then 3 and 4
typeorm, joined: 1 and 2, then nothing
typeorm, second query: 1 and 2, then 3 and 4
mikro-orm: 1 and 2, then 3 and 4
mikro-orm, joined: 1 and 2, then nothing
mikro-orm, second query: 1 and 2, then 3 and 4
sequelize, joined: 1 and 2, then 3 and 4' seen
