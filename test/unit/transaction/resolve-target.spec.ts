import { LockTargetError } from '../../../lib/errors/lock-target.error.js';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { rememberModel } from '../../../lib/transaction/registered-models.js';
import { resolveTarget, type ModelTables } from '../../../lib/transaction/resolve-target.js';
import type { LockTarget } from '../../../lib/vocabulary/lock-target.js';

class Known {}
class Unknown {}

const orm: ModelTables = {
  clientName: 'AnORM',
  tableOf: (model) => (model === Known ? { schema: 'billing', table: 'known' } : undefined),
};

describe('resolveTarget', () => {
  describe('of an entity class, with no transaction of its ORM', () => {
    class OrderHTTPLine {}
    class Invoice {}
    class CreditNote extends Invoice {}
    const registry = globalThis as { typeormMetadataArgsStorage?: { tables: object[] } };
    const tables = (registry.typeormMetadataArgsStorage ??= { tables: [] }).tables;
    tables.push(
      { target: OrderHTTPLine, type: 'regular' },
      { target: Invoice, type: 'regular', name: 'invoices', schema: 'billing' },
      { target: CreditNote, type: 'entity-child' },
    );

    it.each([
      [Invoice, '"billing"."invoices"'],
      [OrderHTTPLine, '"order_http_line"'],
      [CreditNote, '"billing"."invoices"'],
    ])('takes what the decorators of TypeORM noted down of %p', (model, name) => {
      expect(resolveTarget(model)).toBe(name);
    });

    it('takes an EntitySchema of TypeORM at its word', () => {
      const schema = (options: object) => ({ '@instanceof': Symbol.for('EntitySchema'), options });
      expect(resolveTarget(schema({ name: 'OrderLine' }))).toBe('"order_line"');
      expect(resolveTarget(schema({ name: 'I', tableName: 'invoices', schema: 'b' }))).toBe('"b"."invoices"');
    });

    it.each([
      [{ tableName: 'invoices', schema: 'billing' }, '"billing"."invoices"'],
      [{ tableName: 'invoices', schema: '*' }, '"invoices"'],
      [{ collection: 'invoices' }, '"invoices"'],
    ])('takes what MikroORM knows of a class and of its schema: %p', (meta, name) => {
      class Discovered {}
      Object.defineProperty(Discovered.prototype, '__meta', { value: meta });
      expect(resolveTarget(Discovered)).toBe(name);
      expect(resolveTarget({ meta })).toBe(name);
    });

    it('remembers what an open transaction said, which knows naming strategies', () => {
      class Renamed {}
      rememberModel(Renamed, { table: 'tbl_renamed' });
      rememberModel(Unknown, undefined);
      expect(resolveTarget(Renamed)).toBe('"tbl_renamed"');
    });
  });

  it.each<[LockTarget, string]>([
    ['users', '"users"'],
    ['Users', '"Users"'],
    ['billing.invoices', '"billing"."invoices"'],
    [{ table: 'a.b' }, '"a.b"'],
    [{ schema: 'S', table: 'a"b' }, '"S"."a""b"'],
    [{ table: 'x"; DROP TABLE y; --' }, '"x""; DROP TABLE y; --"'],
    [Known, '"billing"."known"'],
  ])('quotes %p', (target, name) => {
    expect(resolveTarget(target, orm)).toBe(name);
  });

  it.each([
    [{ schema: '', table: 'x' }],
    [{ schema: 5, table: 'x' }],
    [{ schema: null, table: 'x' }],
    [{ table: '' }],
    [{ table: 5 }],
  ])('refuses %p, rather than a table of that name elsewhere', (target) => {
    expect(() => resolveTarget(target as LockTarget, orm)).toThrow(PgLockUsageError);
  });

  it('reads a Drizzle table, under an alias too', () => {
    const table = {
      [Symbol.for('drizzle:Name')]: 'alias',
      [Symbol.for('drizzle:OriginalName')]: 'invoices',
      [Symbol.for('drizzle:Schema')]: 'billing',
    };
    expect(resolveTarget(table)).toBe('"billing"."invoices"');
  });

  it('reads a Sequelize model, with and without a schema', () => {
    const model = (name: unknown) => Object.assign(class Model {}, { getTableName: () => name });
    expect(resolveTarget(model('users'))).toBe('"users"');
    expect(resolveTarget(model({ tableName: 'invoices', schema: 'billing', delimiter: '.' }))).toBe(
      '"billing"."invoices"',
    );
    expect(resolveTarget(model({ tableName: 'users', schema: '' }))).toBe('"users"');
  });

  it.each(['', '.', 'a.', '.a', 'a.b.c', 'a\0', { table: '' }, { schema: 'a\0', table: 'b' }])(
    'refuses the name %p',
    (target) => {
      expect(() => resolveTarget(target)).toThrow(PgLockUsageError);
    },
  );

  it.each([undefined, null, 7, true, Symbol('x')])('refuses %p, which is no target', (target) => {
    expect(() => resolveTarget(target as unknown as string)).toThrow(PgLockUsageError);
  });

  it('says which client does not know a model', () => {
    expect(() => resolveTarget(Unknown, orm)).toThrow(/AnORM/);
    expect(() => resolveTarget(Unknown)).toThrow(LockTargetError);
    expect(() => resolveTarget({}, orm)).toThrow(LockTargetError);
  });
});
