import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { runInThisContext } from 'node:vm';
import {
  Controller,
  Get,
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { from, lastValueFrom } from 'rxjs';
import type { PgLockModuleOptions } from '../../lib/options/pg-lock-options.js';
import { PgLockUsageError } from '../../lib/errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../../lib/errors/transaction-state.error.js';
import { flowTransaction } from '../../lib/locks/flow-transaction.js';
import { PooledTransactions } from '../../lib/transaction/pooled-transactions.js';
import { AdvisoryLock } from '../../lib/nest/interceptors/advisory-lock.interceptor.js';
import { PgLockModule } from '../../lib/pg-lock.module.js';
import { PgLockService } from '../../lib/pg-lock.service.js';
import type { Transactions } from '../../lib/transaction/transactions.js';
import { registerTransactionResolver } from '../../lib/transaction/ambient-transaction.js';
import type { ReleasedBeforeCommitEvent } from '../../lib/vocabulary/pg-lock-event.js';
import { openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';
import { nativePg } from './transaction-clients/pg-native.client.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int PRIMARY KEY)' });

afterEach(() => database.admin.query('TRUNCATE users'));

function open(options: PgLockModuleOptions = {}) {
  const { service } = openCore(database, options);
  const witness = openCore(database).service;
  const told: ReleasedBeforeCommitEvent[] = [];
  service.events.on('releasedBeforeCommit', (event) => told.push(event));
  const isFree = async (id: string | readonly string[]) =>
    (await witness.advisory(id, { timeout: 0, onContention: 'skip' }, () => true)) ?? false;
  return { service, told, isFree };
}

/** A module on a pool of the application's. */
function openLent(driver = pg) {
  const pool = new driver.Pool({ connectionString: database.url });
  database.defer(() => pool.end());
  return open({ connection: undefined, pool });
}

describe.each([
  ['own', () => open()],
  ['lent', () => openLent()],
  ...(nativePg === undefined ? [] : [['lent pg-native', () => openLent(nativePg)] as const]),
] as const)('a lock that is released before COMMIT, on the %s pool', (_, opened) => {
  it('is told once per place, with both places, in pglock.transaction', async () => {
    const { service, told } = opened();
    const heard: unknown[] = [];
    const hear = (message: unknown) => heard.push(message);
    subscribe('nestjs-pglock:released-before-commit', hear);
    for (let run = 0; run < 3; run++)
      await service.transaction(async () => {
        await service.advisory('a', () => 1);
      });
    unsubscribe('nestjs-pglock:released-before-commit', hear);
    expect(told).toHaveLength(1);
    expect(heard).toEqual([expect.objectContaining({ id: 'a', database: 'default' })]);
    expect(told[0]?.locked).toContain('until-commit.spec');
    expect(told[0]?.began).toContain('until-commit.spec');
    expect(told[0]?.locked).not.toBe(told[0]?.began);
    await service.transaction(async () => service.advisory('a', () => 1));
    expect(told).toHaveLength(2);
  });

  it('is told with the place where its session was taken, where BEGIN has lost its caller', async () => {
    const { service, told } = opened();
    // As an ORM with callbacks: no frame of the application is on the stack by then.
    const begin = runInThisContext(
      "(pool) => new Promise((resolve) => pool.connect((_, client) => client.query('BEGIN', () => resolve(client))))",
      { filename: '/app/node_modules/orm/index.js' },
    ) as (pool: pg.Pool) => Promise<pg.PoolClient>;
    const beginHere = () => begin(service.pool);
    for (let i = 0; i < 3; i++) {
      const client = await beginHere();
      await service.advisory('lost', () => client.query('SELECT 1'));
      await client.query('ROLLBACK');
      client.release();
    }
    expect(told.map(({ began }) => began.includes('begin'))).toEqual([true]);
  });

  it('is told of a transaction of a plain client', async () => {
    const { service, told } = opened();
    const client = await service.pool.connect();
    await client.query('BEGIN');
    await service.advisory('a', async () => client.query('INSERT INTO users VALUES (1)'));
    await client.query('COMMIT');
    client.release();
    expect(told).toHaveLength(1);
    expect(told[0]?.locked).toContain('until-commit.spec');
    expect(told[0]?.began).toContain('until-commit.spec');
    expect(told[0]?.locked).not.toBe(told[0]?.began);
  });

  it('is not told where the transaction is within the lock, is over, or is not used', async () => {
    const { service, told } = opened();
    await service.advisory('a', () => service.transaction((tx) => tx.query('INSERT INTO users VALUES (1)')));
    await service.advisory('a', async () => {
      const client = await service.pool.connect();
      await client.query('BEGIN');
      await client.query('INSERT INTO users VALUES (2)');
      await client.query('COMMIT');
      client.release();
    });
    const client = await service.pool.connect();
    await client.query('BEGIN');
    await service.advisory('a', async () => {
      await client.query('INSERT INTO users VALUES (3)');
      await client.query('COMMIT');
    });
    await client.query('BEGIN');
    await service.advisory('a', () => service.pool.query('INSERT INTO users VALUES (4)'));
    await client.query('ROLLBACK');
    client.release();
    await service.advisory('a', () => service.pool.query('INSERT INTO users VALUES (5)'));
    expect(told).toEqual([]);
  });

  it('is told of the inner lock only where the transaction is between two', async () => {
    const { service, told } = opened();
    await service.advisory('outer', () =>
      service.transaction(async (tx) => {
        await service.advisory('inner', () => tx.query('INSERT INTO users VALUES (1)'));
      }),
    );
    expect(told.map(({ id }) => id)).toEqual(['inner']);
  });

  it.each([
    ...['COMMIT', 'ROLLBACK', 'END WORK', 'ABORT', 'COMMIT; BEGIN', "PREPARE TRANSACTION 'until commit'"],
    ...['COMMIT AND CHAIN', 'ROLLBACK AND CHAIN', 'ABORT TRANSACTION AND CHAIN', 'ROLLBACK; BEGIN'],
    ...['SELECT 1 / 0', 'ROLLBACK TO a; SELECT 1; /* and then */ ROLLBACK AND CHAIN'],
    ...[{ name: 'chained', text: 'ROLLBACK AND CHAIN' }],
  ])('is held until %j with untilCommit', async (end) => {
    const { service, told, isFree } = opened();
    const client = await service.pool.connect();
    await client.query('BEGIN');
    await client.query('SAVEPOINT a');
    const ids = ['a', 'b'];
    const result = await service.advisory(ids, { untilCommit: true }, async () => {
      await client.query('INSERT INTO users VALUES (1)');
      return 42;
    });
    expect(result).toBe(42);
    for (const id of ids) await expect(isFree(id)).resolves.toBe(false);
    await client.query('SELECT 1');
    await client.query('ROLLBACK TO SAVEPOINT a');
    await client.query({ name: 'back', text: 'ROLLBACK TO a' });
    await expect(isFree('b')).resolves.toBe(false);
    // In a failed transaction COMMIT AND CHAIN rolls back, and begins another.
    if (end === 'SELECT 1 / 0') {
      await expect(client.query(end)).rejects.toThrow('division by zero');
      await expect(isFree('b')).resolves.toBe(false);
      await client.query('COMMIT AND CHAIN');
    } else await client.query(end);
    await eventually(() => isFree(ids));
    await client.query('ROLLBACK');
    await client.query("ROLLBACK PREPARED 'until commit'").catch(() => undefined);
    client.release();
    expect(told).toEqual([]);
  });

  it('is held until the transaction ends, when the work throws', async () => {
    const { service, isFree } = opened();
    const failed = service.transaction(async (tx) => {
      const work = service.advisory('a', { untilCommit: true }, () => tx.query('SELECT 1 / 0'));
      await expect(work).rejects.toThrow('division by zero');
      await expect(isFree('a')).resolves.toBe(false);
      throw new Error('mine');
    });
    await expect(failed).rejects.toThrow('mine');
    await eventually(() => isFree('a'));
  });

  it('is held in pglock.transaction although the work sends nothing, and entered again there', async () => {
    const { service, isFree } = opened();
    await service.transaction(async () => {
      await service.advisory('a', { untilCommit: true }, () => 1);
      await expect(isFree('a')).resolves.toBe(false);
      await service.advisory('a', { reentrant: true, timeout: 0 }, () => 2);
      await expect(isFree('a')).resolves.toBe(false);
    });
    await eventually(() => isFree('a'));
  });

  it('is free when the session of the transaction ends', async () => {
    const { service, isFree } = opened();
    const client = await service.pool.connect();
    client.on('error', () => undefined);
    await client.query('BEGIN');
    await service.advisory('a', { untilCommit: true }, () => client.query('SELECT 1'));
    await expect(isFree('a')).resolves.toBe(false);
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await database.admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid]);
    await eventually(() => isFree('a'));
    client.release(true);
  });

  it('is lost after maxHold', async () => {
    const { service, isFree } = opened();
    const lost = new Promise((resolve) => service.events.once('lockLost', resolve));
    await service.transaction(async () => {
      await service.advisory('a', { untilCommit: true, maxHold: '3s' }, () => 1);
      await expect(isFree('a')).resolves.toBe(false);
      await lost;
      await eventually(() => isFree('a'));
    });
  });

  it('is released with the work where no transaction is open', async () => {
    const { service, isFree } = opened();
    await service.advisory('a', { untilCommit: true }, () => service.pool.query('SELECT 1'));
    await expect(isFree('a')).resolves.toBe(true);
  });

  it('leaves the clients of the pool as they were', async () => {
    const { service } = opened();
    const client = await service.pool.connect();
    client.release();
    expect(Object.hasOwn(client, 'query')).toBe(false);
    const again = await service.pool.connect();
    await again.query('BEGIN');
    await again.query('COMMIT');
    const listening = again.listenerCount('end');
    again.release();
    expect(again.listenerCount('end')).toBe(listening - 1);
  });
});

it.each([
  ['own', () => open()],
  ['lent', () => openLent()],
])(
  'is held until the end of an ambient transaction whose client does not show its connection, on the %s pool',
  async (_, opened) => {
    const { service, told, isFree } = opened();
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: service.pool }) });
    let current: object | undefined;
    const forget = registerTransactionResolver(() => current);
    await db.transaction().execute(async (trx) => {
      current = trx;
      await service.advisory('a', { untilCommit: true }, () => 1);
      await expect(isFree('a')).resolves.toBe(false);
    });
    forget();
    await eventually(() => isFree('a'));
    await db.destroy();
    expect(told).toEqual([]);
  },
);

it('is refused before the work where the end of the transaction cannot be seen', async () => {
  const { service } = open();
  const other = new pg.Client({ connectionString: database.url });
  database.defer(() => other.end());
  await other.connect();
  await other.query('BEGIN');
  const forget = registerTransactionResolver(() => other);
  let ran = false;
  const refused = service.advisory('a', { untilCommit: true }, () => (ran = true));
  await expect(refused).rejects.toThrow(TransactionStateError);
  forget();
  await other.query('ROLLBACK');
  expect(ran).toBe(false);
});

it('is refused before the work once a client has come from the pool that does not tell of its transactions', async () => {
  const pooled = new PooledTransactions({ onUse: () => undefined, trace: () => ({ stack: '' }) });
  const nothing = { peek: () => undefined } as unknown as Transactions;
  const { visible } = flowTransaction(nothing, pooled, () => undefined);
  await expect(visible()).resolves.toBeUndefined();
  pooled.watch({ native: {} } as unknown as pg.ClientBase)();
  await expect(visible()).rejects.toThrow(TransactionStateError);
});

it.each([{ xact: true }, { transaction: {} }] as const)(
  'does not go with %o, or acquire',
  async (options) => {
    const { service } = open();
    await expect(service.advisory('a', { ...options, untilCommit: true }, () => 1)).rejects.toThrow(
      PgLockUsageError,
    );
    await expect(service.acquire('a', { untilCommit: true })).rejects.toThrow('not for acquire');
    await expect(service.acquire('a', { ...options, untilCommit: true })).rejects.toThrow(PgLockUsageError);
  },
);

describe('a lock of an interceptor that is released before COMMIT', () => {
  @Injectable()
  class InTransaction implements NestInterceptor {
    constructor(private readonly pglock: PgLockService) {}

    intercept(_: ExecutionContext, next: CallHandler) {
      return from(this.pglock.transaction(() => lastValueFrom(next.handle())));
    }
  }

  @Controller()
  class OrdersController {
    constructor(private readonly pglock: PgLockService) {}

    @Get()
    @UseInterceptors(InTransaction, AdvisoryLock('orders'))
    async pay(): Promise<string> {
      await this.pglock.pool.query('SELECT 1');
      return 'paid';
    }
  }

  it('is told with the name of its handler', async () => {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: database.url })],
      controllers: [OrdersController],
      providers: [InTransaction],
    }).compile();
    const app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    database.defer(() => app.close());
    const told: ReleasedBeforeCommitEvent[] = [];
    app.get(PgLockService).events.on('releasedBeforeCommit', (event) => told.push(event));
    const answer = await fetch(await app.getUrl());
    expect(await answer.text()).toBe('paid');
    expect(told).toEqual([
      expect.objectContaining({
        locked: 'the work OrdersController.pay',
        began: expect.stringContaining('until-commit.spec') as string,
      }),
    ]);
  });
});
