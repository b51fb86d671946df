import { TransactionStateError } from '../../../lib/errors/transaction-state.error.js';
import { drizzleAdapter } from '../../../lib/transaction/adapters/drizzle.adapter.js';
import { knexAdapter } from '../../../lib/transaction/adapters/knex.adapter.js';
import { mikroOrmAdapter } from '../../../lib/transaction/adapters/mikro-orm.adapter.js';
import { pgAdapter } from '../../../lib/transaction/adapters/pg.adapter.js';
import { adapterOf, registerTransactionAdapter } from '../../../lib/transaction/transaction-adapters.js';

describe('adapterOf', () => {
  it.each([undefined, null, 'tx', 7, {}, () => undefined, { query: () => undefined }])(
    'knows no client of %p',
    (value) => {
      expect(() => adapterOf(value)).toThrow(TransactionStateError);
    },
  );

  it('asks registered adapters first, the latest before the others, until they are forgotten', () => {
    const value = { mine: true };
    const make = (name: string) => ({
      name,
      detects: (one: object) => 'mine' in one,
      run: async () => [],
    });
    const [forgetFirst, forgetSecond] = [
      registerTransactionAdapter(make('first')),
      registerTransactionAdapter(make('second')),
    ];
    expect(adapterOf(value).name).toBe('second');
    forgetSecond();
    forgetSecond();
    expect(adapterOf(value).name).toBe('first');
    forgetFirst();
    expect(() => adapterOf(value)).toThrow(TransactionStateError);
  });
});

describe('the pg adapter', () => {
  const client = (status: unknown) =>
    ({ query: () => undefined, getTransactionStatus: () => status }) as unknown as Parameters<
      NonNullable<typeof pgAdapter.isOpen>
    >[0];

  it.each([
    ['T', true],
    ['E', true],
    ['I', false],
    [null, false],
  ])('reads the status %p as open: %p', (status, open) => {
    expect(pgAdapter.isOpen?.(client(status))).toBe(open);
  });

  it('does not know with a pg that cannot tell', () => {
    expect(pgAdapter.isOpen?.({ query: () => undefined } as never)).toBeUndefined();
  });
});

describe('the Knex adapter', () => {
  it('writes parameters as question marks, in their order, and question marks as themselves', async () => {
    const seen: unknown[] = [];
    const raw = (text: string, bindings: readonly unknown[]) => {
      seen.push(text, bindings);
      return Promise.resolve({ rows: [] });
    };
    await knexAdapter.run({ raw }, 'LOCK TABLE "we?ird$1" -- $2, $1, $2', ['a', 'b']);
    expect(seen).toEqual(['LOCK TABLE "we\\?ird$1" -- ?, ?, ?', ['b', 'a', 'b']]);
  });
});

describe('the MikroORM adapter', () => {
  it('speaks to the Knex transaction of MikroORM 6', async () => {
    const context = { raw: () => Promise.resolve({ rows: [{ one: 1 }] }) };
    const em = {
      isInTransaction: () => true,
      getTransactionContext: () => context,
      getMetadata: () => ({ find: () => ({ collection: 'users', schema: '*' }) }),
      schema: 'tenant',
    };
    const resolved = mikroOrmAdapter.resolve!(em);
    await expect(mikroOrmAdapter.run(resolved, 'SELECT 1 AS one', [])).resolves.toEqual({
      rows: [{ one: 1 }],
    });
    expect(mikroOrmAdapter.tableOf?.(resolved, class User {})).toEqual({ schema: 'tenant', table: 'users' });
  });
});

describe('the Drizzle adapter', () => {
  it('reads rows from the drivers that answer with a list', async () => {
    const tx = { rollback: () => undefined, execute: () => Promise.resolve([{ one: 1 }]) };
    await expect(drizzleAdapter.run(tx, 'SELECT 1', [])).resolves.toEqual([{ one: 1 }]);
  });
});
