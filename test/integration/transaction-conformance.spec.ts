import { PrismaPg } from '@prisma/adapter-pg';
import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import type { Pool } from 'pg';
import { LockLostError } from '../../lib/errors/lock-lost.error.js';
import { openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';
import { ALL_CLIENTS } from './transaction-clients/all-clients.js';
import { heldOpen, SCHEMA } from './transaction-clients/client-under-test.js';
import { describeConformance } from './transaction-clients/conformance.js';
import { generatedClient } from './transaction-clients/prisma.client.js';

/** The pools of the clients keep their sessions from test to test. */
const database = useDatabase({ schema: SCHEMA, mayStay: () => true });

describe.each(ALL_CLIENTS)('in a transaction of $name', ({ open }) => {
  describeConformance(database, {
    open: async () => ({ client: await open(database.url), pglock: openCore(database).service }),
  });
});

describe("on the module's own pool", () => {
  it.each([
    [
      'Kysely',
      async (pool: Pool) => {
        const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
        return heldOpen<Transaction<unknown>>((work) => db.transaction().execute(work));
      },
    ],
    [
      'Prisma',
      async (pool: Pool) => {
        const { PrismaClient } = await generatedClient();
        const prisma = new PrismaClient({ adapter: new PrismaPg(pool) });
        return heldOpen<object>((work) => prisma.$transaction(work, { timeout: 60_000 }));
      },
    ],
  ])('%s, which tells nobody, is seen to end: commit, rollback and loss', async (_, begin) => {
    const { service } = openCore(database);
    for (const end of ['commit', 'rollback'] as const) {
      const transaction = await begin(service.pool);
      const lock = await service.acquire('a', { transaction: transaction.tx, onContention: 'throw' });
      expect(lock.held).toBe(true);
      await transaction[end]();
      expect({ held: lock.held, lost: lock.signal.aborted }).toEqual({ held: false, lost: false });
    }
    const { tx, rollback } = await begin(service.pool);
    const lock = await service.acquire('a', { transaction: tx, onContention: 'throw' });
    await database.admin.query('SELECT pg_terminate_backend($1)', [lock.pid]);
    await eventually(() => lock.signal.aborted);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
    await rollback().catch(() => undefined);
  });
});
