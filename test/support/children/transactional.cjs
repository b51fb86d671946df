// A Nest application in CommonJS, whose transactions are those of nestjs-cls or typeorm-transactional. Jest cannot load nestjs-cls
// on Node 20: it requires Nest, which is ES modules.
'use strict';
require('reflect-metadata');
const { Inject, Module } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { sql } = require('drizzle-orm');
const { drizzle } = require('drizzle-orm/node-postgres');
const { DataSource } = require('typeorm');
const cls = require('@nestjs-cls/transactional');
const { TransactionalAdapterDrizzleOrm } = require('@nestjs-cls/transactional-adapter-drizzle-orm');
const { TransactionalAdapterPrisma } = require('@nestjs-cls/transactional-adapter-prisma');
const { TransactionalAdapterTypeOrm } = require('@nestjs-cls/transactional-adapter-typeorm');
const { ClsModule } = require('nestjs-cls');
const typeormTransactional = require('typeorm-transactional');
const {
  DeadlockError,
  PgLockModule,
  PgLockService,
  WithAdvisoryLock,
} = require('../../../dist/esm/index.js');

const SESSIONS = 20;
const CLIENT = 'client';

const typeOrm = (pglock) =>
  new DataSource({ type: 'postgres', driver: pglock.pgDriver, poolSize: SESSIONS }).initialize();

/** How each kind begins transactions, and sends a statement in that of the running flow. */
const KINDS = {
  'nestjs-cls on TypeORM': {
    Transactional: cls.Transactional,
    connect: typeOrm,
    adapter: () => new TransactionalAdapterTypeOrm({ dataSourceToken: CLIENT }),
    run: (tx, text) => tx.query(text),
  },
  'nestjs-cls on Drizzle': {
    Transactional: cls.Transactional,
    connect: (pglock) => drizzle({ client: pglock.pool }),
    adapter: () => new TransactionalAdapterDrizzleOrm({ drizzleInstanceToken: CLIENT }),
    run: async (tx, text) => (await tx.execute(sql.raw(text))).rows,
  },
  'nestjs-cls on Prisma': {
    Transactional: cls.Transactional,
    connect: (pglock) => {
      const { PrismaPg } = require('@prisma/adapter-pg');
      const { PrismaClient } = require(process.env.PGLOCK_PRISMA_CLIENT);
      const limits = { maxWait: 60_000, timeout: 60_000 };
      return new PrismaClient({ adapter: new PrismaPg(pglock.pool), transactionOptions: limits });
    },
    adapter: () => new TransactionalAdapterPrisma({ prismaInjectionToken: CLIENT, sqlFlavor: 'postgresql' }),
    run: (tx, text) => (/^\s*SELECT/.test(text) ? tx.$queryRawUnsafe(text) : tx.$executeRawUnsafe(text)),
  },
  'typeorm-transactional': {
    Transactional: typeormTransactional.Transactional,
    connect: async (pglock) => typeormTransactional.addTransactionalDataSource(await typeOrm(pglock)),
    run: (source, text) => source.manager.query(text),
  },
};

const kind = KINDS[process.argv[2]];
const { Transactional } = kind;
if (kind.adapter === undefined) typeormTransactional.initializeTransactionalContext();

/** As TypeScript applies decorators: the last one first. */
function decorate(type, name, ...decorators) {
  Object.defineProperty(
    type.prototype,
    name,
    Reflect.decorate(decorators, type.prototype, name, Object.getOwnPropertyDescriptor(type.prototype, name)),
  );
}

class Numbers {
  constructor(tx) {
    this.tx = tx;
  }

  async lockAbove() {
    await this.add('above');
  }

  async lockBelow() {
    await this.add('below');
  }

  /** The transaction of one method, the lock of another. */
  async outer() {
    await this.inner();
  }

  async inner() {
    await this.add('inner');
  }

  async lockBelowUntilCommit() {
    await this.add('held');
  }

  /** `wait` lies between the end of the lock's work and the COMMIT. */
  async transaction(wait) {
    await this.lockUntilCommit();
    await wait();
  }

  async lockUntilCommit() {
    await this.add('waiting');
  }

  /** One more than there are: two that do not see each other's add the same one. */
  async add(how) {
    const [{ n }] = await kind.run(
      this.tx,
      `SELECT count(*)::int + 1 AS n FROM numbers WHERE how = '${how}'`,
    );
    await kind.run(this.tx, `INSERT INTO numbers VALUES ('${how}', ${n})`);
  }
}
decorate(Numbers, 'lockAbove', WithAdvisoryLock('above'), Transactional());
decorate(Numbers, 'lockBelow', Transactional(), WithAdvisoryLock('below'));
decorate(Numbers, 'outer', Transactional());
decorate(Numbers, 'inner', WithAdvisoryLock('inner'));
decorate(Numbers, 'lockBelowUntilCommit', Transactional(), WithAdvisoryLock('held', { untilCommit: true }));
decorate(Numbers, 'transaction', Transactional());
decorate(Numbers, 'lockUntilCommit', WithAdvisoryLock('waiting', { untilCommit: true }));

const TRANSACTION = kind.adapter ? cls.getTransactionToken() : CLIENT;
Inject(TRANSACTION)(Numbers, undefined, 0);

class ClientModule {}
Module({
  providers: [{ provide: CLIENT, useFactory: kind.connect, inject: [PgLockService] }],
  exports: [CLIENT],
})(ClientModule);

const ofCls = () =>
  ClsModule.forRoot({
    global: true,
    plugins: [
      new cls.ClsPluginTransactional({
        imports: [ClientModule],
        adapter: kind.adapter(),
        enableTransactionProxy: true,
      }),
    ],
  });

class AppModule {}
Module({
  imports: [
    PgLockModule.forRoot({ connection: { connectionString: process.env.PGLOCK_URL, max: SESSIONS } }),
    ClientModule,
    ...(kind.adapter ? [ofCls()] : []),
  ],
  providers: [Numbers],
})(AppModule);

/** Every second one takes the lock and then the table, the others the table and then the lock. */
async function flood(pglock, transaction, begin) {
  const options = { transaction, timeout: null, onContention: 'throw' };
  const steps = [() => pglock.acquire('flood', options), () => pglock.model('numbers', options)];
  const one = (index) =>
    begin(async () => {
      await steps[index % 2]();
      await steps[(index + 1) % 2]();
    });
  const outcomes = await Promise.allSettled(Array.from({ length: 200 }, (_, index) => one(index)));
  const rejected = outcomes.filter(({ status }) => status === 'rejected').map(({ reason }) => reason);
  const others = rejected.filter((reason) => !(reason instanceof DeadlockError)).map(String);
  return { done: outcomes.length - rejected.length, deadlocks: rejected.length - others.length, others };
}

/** A nested transaction that fails takes its lock with it. */
async function nested(pglock, transaction, host) {
  let lock;
  await host.withTransaction(async () => {
    const failing = host.withTransaction(cls.Propagation.Nested, async () => {
      lock = await pglock.acquire('nested', { transaction, onContention: 'throw' });
      throw new Error('nested');
    });
    await failing.catch(() => undefined);
    const held = lock.held;
    const again = await pglock.acquire('nested', { transaction: 'ambient', timeout: 0 });
    await pglock.acquire('host', { transaction: host.tx, timeout: 0, onContention: 'throw' });
    lock = { held, again: again?.held, same: again?.pid === lock.pid };
  });
  return lock;
}

async function main() {
  const { next, send } = await import('../child-process.mjs');
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
  const [pglock, numbers, transaction] = [app.get(PgLockService), app.get(Numbers), app.get(TRANSACTION)];
  const host = kind.adapter ? app.get(cls.TransactionHost) : undefined;
  const begin = (work) =>
    host
      ? host.withTransaction(work)
      : typeormTransactional.runInTransaction(work, { propagation: 'REQUIRES_NEW' });
  pglock.events.on('releasedBeforeCommit', ({ id, locked, began }) => send('told', { id, locked, began }));
  send('ready');
  await next('add');
  for (const method of ['lockAbove', 'lockBelow', 'outer', 'lockBelowUntilCommit'])
    await Promise.all(Array.from({ length: 20 }, () => numbers[method]()));
  send('added');
  await next('hold');
  await numbers.transaction(async () => {
    send('held');
    await next('commit');
  });
  send('committed', { isFree: (await pglock.acquire('waiting', { timeout: '10s' })) !== null });
  send('nested', host ? await nested(pglock, transaction, host) : {});
  send('flooded', await flood(pglock, transaction, begin));
  await app.close();
  send('done');
  process.disconnect();
}

void main();
