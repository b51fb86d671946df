import { Inject, Injectable, type INestApplicationContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import type { Pool, PoolClient } from 'pg';
import { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import { PgLockUsageError } from '../../lib/errors/pg-lock-usage.error.js';
import { TransactionStateError } from '../../lib/errors/transaction-state.error.js';
import { WithAdvisoryLock } from '../../lib/nest/decorators/with-advisory-lock.decorator.js';
import { WithLockTimeout } from '../../lib/nest/decorators/with-lock-timeout.decorator.js';
import { PgLockModule } from '../../lib/pg-lock.module.js';
import { PgLockService } from '../../lib/pg-lock.service.js';
import { getPgLockPoolToken } from '../../lib/pg-lock.tokens.js';
import { advisoryLocks } from '../support/cores.js';
import { useDatabase } from '../support/database.js';

// The scenarios of the tests of Python's django-pglock, as an application of Nest lives them.

const database = useDatabase({ schema: 'CREATE TABLE auth_user (id int PRIMARY KEY)' });

@Injectable()
class Users {
  constructor(
    private readonly pglock: PgLockService,
    @Inject(getPgLockPoolToken()) private readonly pool: Pool,
  ) {}

  async timeout(on: Pick<Pool | PoolClient, 'query'> = this.pool): Promise<string> {
    const { rows } = await on.query<{ lock_timeout: string }>('SHOW lock_timeout');
    return rows[0]!.lock_timeout;
  }

  @WithLockTimeout('4s')
  decorated(): Promise<string> {
    return this.timeout();
  }

  @WithLockTimeout('4s')
  @WithLockTimeout('2s')
  twice(): Promise<string> {
    return this.timeout();
  }

  @WithAdvisoryLock('users.import', { xact: true })
  async import(): Promise<boolean> {
    return this.pglock.isHeld('users.import');
  }

  @WithAdvisoryLock('users.import', { timeout: 0, onContention: 'skip' })
  async importOnce(): Promise<string> {
    return 'imported';
  }

  @WithAdvisoryLock('users.import', { timeout: '1s' })
  async importPatiently(): Promise<string> {
    return 'imported';
  }
}

async function boot(): Promise<{ users: Users; pglock: PgLockService; app: INestApplicationContext }> {
  const module = await Test.createTestingModule({
    imports: [PgLockModule.forRoot({ connection: { connectionString: database.url, max: 3 } })],
    providers: [Users],
  }).compile();
  await module.init();
  database.defer(() => module.close());
  return { users: module.get(Users), pglock: module.get(PgLockService), app: module };
}

/** A failing statement, in Django's tests `SELECT * FROM a table that is none`. */
const fail = (tx: Pick<PoolClient, 'query'>) => tx.query('SELECT FROM no_such_table');

describe('timeouts', () => {
  it('nest, decorated and not, and end with what began them', async () => {
    const { users, pglock } = await boot();
    await expect(users.decorated()).resolves.toBe('4s');
    await expect(users.twice()).resolves.toBe('2s');
    await pglock.timeout('1s', async () => {
      await expect(users.decorated()).resolves.toBe('4s');
      await expect(users.timeout()).resolves.toBe('1s');
    });
    await expect(users.timeout()).resolves.toBe('0');
  });

  it('nest through transactions that fail', async () => {
    const { users, pglock } = await boot();
    await pglock.timeout('3s', async () => {
      const failing = pglock.transaction((tx) => pglock.timeout('1s', () => fail(tx)));
      await expect(failing).rejects.toMatchObject({ code: '42P01' });
      await expect(users.timeout()).resolves.toBe('3s');
      await pglock.transaction(async (tx) => {
        await expect(users.timeout(tx)).resolves.toBe('3s');
        await tx.query('SAVEPOINT inner_atomic');
        await expect(pglock.timeout('2s', () => fail(tx))).rejects.toMatchObject({ code: '42P01' });
        await tx.query('ROLLBACK TO SAVEPOINT inner_atomic');
        await expect(users.timeout(tx)).resolves.toBe('3s');
      });
    });
    await expect(users.timeout()).resolves.toBe('0');
  });

  it('end a statement that meets a lock, and leave the next one alone', async () => {
    const { users, pglock } = await boot();
    const holder = await database.connect();
    await holder.query('BEGIN; LOCK TABLE auth_user');
    const waiting = pglock.timeout('20ms', () =>
      pglock.transaction((tx) => tx.query('SELECT FROM auth_user')),
    );
    await expect(waiting).rejects.toMatchObject({ code: '55P03' });
    await expect(users.timeout()).resolves.toBe('0');
  });
});

describe('advisory locks', () => {
  it('outlive a transaction that fails inside of them, at session level', async () => {
    const { pglock } = await boot();
    await pglock.advisory('session', async (lock) => {
      await expect(pglock.transaction(fail)).rejects.toMatchObject({ code: '42P01' });
      expect(lock.held).toBe(true);
      await expect(advisoryLocks(database)).resolves.toHaveLength(1);
    });
  });

  it('end with a transaction that fails, at transaction level', async () => {
    const { pglock } = await boot();
    const failing = pglock.advisory('xact', { xact: true }, ({ client }) => fail(client));
    await expect(failing).rejects.toMatchObject({ code: '42P01' });
    await expect(advisoryLocks(database)).resolves.toEqual([]);
  });

  it('decorate methods: without waiting, with a timeout, and in a transaction', async () => {
    const { users } = await boot();
    const other = await boot();
    await expect(users.import()).resolves.toBe(true);
    await other.pglock.advisory('users.import', async () => {
      await expect(users.importOnce()).resolves.toBeUndefined();
      await expect(users.importPatiently()).rejects.toThrow(LockNotAvailableError);
    });
    await expect(users.importOnce()).resolves.toBe('imported');
    await expect(users.importPatiently()).resolves.toBe('imported');
  });

  it('refuse arguments that contradict each other', async () => {
    const { pglock } = await boot();
    await expect(pglock.acquire('x', { xact: true })).rejects.toThrow(TransactionStateError);
    await pglock.transaction(async () => {
      await expect(pglock.advisory('x', { xact: true }, () => 1)).rejects.toThrow(TransactionStateError);
    });
    const wrong = { xact: 'yes' as unknown as true };
    await expect(pglock.advisory('x', wrong, () => 1)).rejects.toThrow(PgLockUsageError);
    const workless = pglock.advisory('x', { xact: true }, undefined as unknown as () => number);
    await expect(workless).rejects.toThrow(PgLockUsageError);
  });
});

describe('table locks', () => {
  it('are had, not had, or thrown, and leave the transaction usable', async () => {
    const { pglock } = await boot();
    await expect(pglock.model('auth_user')).rejects.toThrow(TransactionStateError);
    const holder = await database.connect();
    await holder.query('BEGIN; LOCK TABLE auth_user IN SHARE MODE');
    await pglock.transaction(async (tx) => {
      await expect(pglock.model('auth_user', { mode: 'ACCESS SHARE', timeout: 0 })).resolves.toBe(true);
      await expect(pglock.model('auth_user', { timeout: 0 })).resolves.toBe(false);
      await expect(pglock.model('auth_user', { timeout: '20ms' })).resolves.toBe(false);
      const thrown = pglock.model('auth_user', { timeout: 0, onContention: 'throw' });
      await expect(thrown).rejects.toThrow(LockNotAvailableError);
      await expect(tx.query('SELECT FROM auth_user')).resolves.toMatchObject({ rowCount: 0 });
    });
  });
});
