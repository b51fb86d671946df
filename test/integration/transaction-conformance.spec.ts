import { PrismaPg } from '@prisma/adapter-pg';
import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import pg, { type Pool } from 'pg';
import { LockLostError } from '../../lib/errors/lock-lost.error.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import { OpenTransaction } from '../../lib/transaction/open-transaction.js';
import { openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';
import { ALL_CLIENTS } from './transaction-clients/all-clients.js';
import { heldOpen, SCHEMA } from './transaction-clients/client-under-test.js';
import { describeConformance } from './transaction-clients/conformance.js';
import { generatedClient } from './transaction-clients/prisma.client.js';

const runIn = (tx: object, text: string) => OpenTransaction.of(tx).query({ text });

/** The pools of the clients keep their sessions from test to test. */
const database = useDatabase({ schema: SCHEMA, mayStay: () => true });

describe.each(ALL_CLIENTS)('in a transaction of $name', ({ open }) => {
  describeConformance(database, {
    open: async () => ({ client: await open(database.url), pglock: openCore(database).service }),
  });
});

describe.each(["the module's own pool", 'a pool of its own'])('on %s', (whose) => {
  const poolFor = ({ pool }: PgLockService): Pool => {
    if (whose.startsWith('the')) return pool;
    const own = new pg.Pool({ connectionString: database.url });
    own.on('error', () => undefined);
    database.defer(() => own.end());
    return own;
  };

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
        return heldOpen<object>((work) => prisma.$transaction(work, { maxWait: 60_000, timeout: 60_000 }));
      },
    ],
  ])('%s, which tells nobody, is seen to end: commit, rollback and loss', async (_, begin) => {
    const { service } = openCore(database);
    const pool = poolFor(service);
    for (const end of ['commit', 'rollback'] as const)
      for (const wait of [{}, { timeout: 0 }]) {
        const transaction = await begin(pool);
        const options = { transaction: transaction.tx, onContention: 'throw', ...wait } as const;
        const lock = await service.acquire('a', options);
        await runIn(transaction.tx, 'SAVEPOINT mine');
        const inner = await service.acquire('b', options);
        await runIn(transaction.tx, 'ROLLBACK TO SAVEPOINT mine');
        expect([lock.held, inner.held]).toEqual([true, false]);
        await transaction[end]();
        expect({ held: lock.held, lost: lock.signal.aborted }).toEqual({ held: false, lost: false });
      }
    const { tx, rollback } = await begin(pool);
    const lock = await service.acquire('a', { transaction: tx, onContention: 'throw' });
    await database.admin.query('SELECT pg_terminate_backend($1)', [lock.pid]);
    await eventually(() => lock.signal.aborted);
    expect(lock.signal.reason).toBeInstanceOf(LockLostError);
    await rollback().catch(() => undefined);
  });
});
