#!/usr/bin/env bash
# @mikro-orm/postgresql 7.2.5: "the first due job, with its steps, locked" gives a job that is not due any more. While the second worker waits for the row lock, the first one
# marks the job as done and commits; the second is then given that job. The condition and the limit are in a subquery, and after a wait PostgreSQL checks
# the row again only against the outer `id IN (…)`. Without the join, or with the relation loaded by a second query, the second worker
# gets nothing, and so it does with the join in typeorm 1.1.1 and sequelize 6.37.8.
source "$(dirname "$0")/support.sh"
packages @mikro-orm/core@7.2.5 @mikro-orm/postgresql@7.2.5 typeorm@1.1.1 sequelize@6.37.8 pg@8.23.1 reflect-metadata@0.2.2 \
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
await admin.query(`CREATE TABLE job (id int PRIMARY KEY, state text); CREATE TABLE step (id int PRIMARY KEY, "jobId" int REFERENCES job);
  INSERT INTO job VALUES (1, 'due'); INSERT INTO step VALUES (1, 1)`);
const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'`;

// The first worker marks the job as done when the second one waits for it.
async function twoWorkers(title, transaction, take, run) {
  await admin.query(`UPDATE job SET state = 'due'`);
  let second;
  const first = await transaction(async (one) => {
    const jobs = await take(one);
    second = transaction(take);
    while ((await admin.query(waiting)).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await run(one, `UPDATE job SET state = 'done'`);
    return jobs;
  });
  console.log(`${title}: ${first.length} taken, then ${(await second).map(({ id, state }) => `job ${id}, ${state}`).join() || 'nothing'}`);
}

class Job {
  steps = new Collection(this);
}
class Step {}
const entities = [
  new EntitySchema({
    class: Job,
    tableName: 'job',
    properties: {
      id: { type: 'integer', primary: true },
      state: { type: 'text' },
      steps: { kind: '1:m', entity: () => Step, mappedBy: 'job' },
    },
  }),
  new EntitySchema({
    class: Step,
    tableName: 'step',
    properties: {
      id: { type: 'integer', primary: true },
      job: { kind: 'm:1', entity: () => Job, fieldName: 'jobId' },
    },
  }),
];
const orm = await MikroORM.init({ entities, clientUrl: url, dbName: 'postgres' });
const next = { orderBy: { id: 'asc' }, limit: 1, lockMode: LockMode.PESSIMISTIC_WRITE };
for (const [title, options] of [
  ['mikro-orm', next],
  ['mikro-orm, joined', { ...next, populate: ['steps'], strategy: 'joined' }],
  ['mikro-orm, second query', { ...next, populate: ['steps'], strategy: 'select-in' }],
])
  await twoWorkers(
    title,
    (work) => orm.em.fork().transactional(work),
    (em) => em.find(Job, { state: 'due' }, options),
    (em, text) => em.execute(text),
  );

const TypeOrmJob = new TypeOrmSchema({
  name: 'job',
  columns: { id: { type: 'int', primary: true }, state: { type: 'text' } },
  relations: { steps: { type: 'one-to-many', target: 'step', inverseSide: 'job' } },
});
const TypeOrmStep = new TypeOrmSchema({
  name: 'step',
  columns: { id: { type: 'int', primary: true } },
  relations: { job: { type: 'many-to-one', target: 'job', joinColumn: { name: 'jobId' } } },
});
const source = await new DataSource({ type: 'postgres', url, entities: [TypeOrmJob, TypeOrmStep] }).initialize();
const lock = { mode: 'pessimistic_write', tables: ['job'] };
const page = { where: { state: 'due' }, order: { id: 'ASC' }, take: 1, relations: { steps: true }, lock };
await twoWorkers(
  'typeorm, joined',
  (work) => source.transaction(work),
  (manager) => manager.find(TypeOrmJob, page),
  (manager, text) => manager.query(text),
);

const sequelize = new Sequelize(url, { logging: false, define: { timestamps: false, freezeTableName: true } });
const SequelizeJob = sequelize.define('job', { state: 'text' });
const SequelizeStep = sequelize.define('step', {});
SequelizeJob.hasMany(SequelizeStep, { foreignKey: 'jobId' });
const rows = { where: { state: 'due' }, order: ['id'], limit: 1, include: [SequelizeStep] };
await twoWorkers(
  'sequelize, joined',
  (work) => sequelize.transaction(work),
  (transaction) => SequelizeJob.findAll({ ...rows, transaction, lock: { level: transaction.LOCK.UPDATE, of: SequelizeJob } }),
  (transaction, text) => sequelize.query(text, { transaction }),
);
await Promise.all([admin.end(), orm.close(), source.destroy(), sequelize.close()]);
JS
with_postgres finding.mjs >seen
expect 'mikro-orm: 1 taken, then nothing
mikro-orm, joined: 1 taken, then job 1, done
mikro-orm, second query: 1 taken, then nothing
typeorm, joined: 1 taken, then nothing
sequelize, joined: 1 taken, then nothing' seen
