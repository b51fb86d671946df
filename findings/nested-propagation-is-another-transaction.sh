#!/usr/bin/env bash
# typeorm-transactional 0.5.0 with typeorm 1.1.1: Propagation.NESTED, by its readme a nested transaction, is one of its own on a second connection (as REQUIRES_NEW). It
# does not see what the outer one wrote, waits for a lock that the outer one holds, and stays when the outer one rolls back.
# (typeorm-transactional#54.) NESTED of @nestjs-cls/transactional 3.3.0 is a savepoint.
source "$(dirname "$0")/support.sh"
packages typeorm-transactional@0.5.0 typeorm@1.1.1 @nestjs/common@12.5.1 @nestjs/core@12.5.1 nestjs-cls@6.3.1 \
  @nestjs-cls/transactional@3.3.0 @nestjs-cls/transactional-adapter-typeorm@1.4.1 rxjs@7.8.2 reflect-metadata@0.2.2 pg@8.23.1 \
  embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClsPluginTransactional, TransactionHost, Propagation as ClsPropagation } from '@nestjs-cls/transactional';
import { TransactionalAdapterTypeOrm } from '@nestjs-cls/transactional-adapter-typeorm';
import { ClsModule, ClsService } from 'nestjs-cls';
import { DataSource } from 'typeorm';
import { addTransactionalDataSource, initializeTransactionalContext, Propagation, runInTransaction } from 'typeorm-transactional';

const url = process.env.DATABASE_URL;
const open = () => new DataSource({ type: 'postgres', url, extra: { options: '-c lock_timeout=500' } });
const admin = await open().initialize();
await admin.query('CREATE TABLE note (author text)');

async function nested(title, { outer, inner, query }) {
  const backend = async () => (await query('SELECT pg_backend_pid() AS pid'))[0].pid;
  await admin.query('TRUNCATE note');
  const seen = [];
  await outer(async () => {
    const pid = await backend();
    await query(`INSERT INTO note VALUES ('outer')`);
    await query('SELECT pg_advisory_xact_lock(1)');
    await inner(async () => {
      seen.push((await backend()) === pid ? 'same connection' : 'other connection');
      seen.push(`sees ${(await query('SELECT FROM note')).length} rows`);
      await query(`INSERT INTO note VALUES ('inner')`);
    });
    const lock = inner(() => query('SELECT pg_advisory_xact_lock(1)'));
    seen.push(`the outer lock ${await lock.then(() => 'granted', (error) => error.driverError.code)}`);
    throw new Error('rollback');
  }).catch((error) => {
    if (error.message !== 'rollback') throw error;
  });
  const left = await admin.query('SELECT author FROM note');
  console.log(`${title}: ${seen.join(', ')}; after the rollback: ${left.map(({ author }) => author).join() || 'nothing'}`);
}

initializeTransactionalContext();
const source = addTransactionalDataSource(open());
await source.initialize();
await nested('typeorm-transactional', {
  outer: (work) => runInTransaction(work),
  inner: (work) => runInTransaction(work, { propagation: Propagation.NESTED }),
  query: (text) => source.query(text),
});

const plain = await open().initialize();
class Database {}
Module({ providers: [{ provide: DataSource, useValue: plain }], exports: [DataSource] })(Database);
const adapter = new TransactionalAdapterTypeOrm({ dataSourceToken: DataSource });
const plugins = [new ClsPluginTransactional({ imports: [Database], adapter })];
class App {}
Module({ imports: [Database, ClsModule.forRoot({ global: true, plugins })] })(App);
const app = await NestFactory.createApplicationContext(App, { logger: false });
const host = app.get(TransactionHost);
await nested('@nestjs-cls/transactional', {
  outer: (work) => app.get(ClsService).run(() => host.withTransaction(work)),
  inner: (work) => host.withTransaction(ClsPropagation.Nested, work),
  query: (text) => host.tx.query(text),
});
await app.close();
await Promise.all([admin.destroy(), source.destroy(), plain.destroy()]);
JS
with_postgres finding.mjs >seen
expect 'typeorm-transactional: other connection, sees 0 rows, the outer lock 55P03; after the rollback: inner
@nestjs-cls/transactional: same connection, sees 1 rows, the outer lock granted; after the rollback: nothing' seen
