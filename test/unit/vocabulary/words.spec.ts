import fc from 'fast-check';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { assertLockMode, LOCK_MODES } from '../../../lib/vocabulary/lock-mode.js';
import { namedTable, quotedTable, quoteIdentifier } from '../../../lib/vocabulary/lock-target.js';
import { printable } from '../../../lib/vocabulary/printable.js';
import { sqlStateOf } from '../../../lib/vocabulary/sqlstate.js';

describe('LOCK_MODES', () => {
  it('are the eight of SQL, weakest first, and frozen', () => {
    expect(LOCK_MODES).toHaveLength(8);
    expect([LOCK_MODES[0], LOCK_MODES[7]]).toEqual(['ACCESS SHARE', 'ACCESS EXCLUSIVE']);
    expect(Object.isFrozen(LOCK_MODES)).toBe(true);
  });

  it('are matched as they are spelled', () => {
    for (const mode of LOCK_MODES) expect(() => assertLockMode(mode)).not.toThrow();
    for (const bad of ['share', 'AccessShareLock', '', null, undefined, 0, ['SHARE']])
      expect(() => assertLockMode(bad)).toThrow(PgLockUsageError);
    expect(() => assertLockMode('DROP TABLE x')).toThrow(/ACCESS EXCLUSIVE; got "DROP TABLE x"/);
  });
});

describe('quoting', () => {
  it.each([
    ['users', '"users"'],
    ['User', '"User"'],
    ['a"b', '"a""b"'],
    ['"; DROP TABLE x; --', '"""; DROP TABLE x; --"'],
    ['ключ', '"ключ"'],
  ])('of %p is %p', (name, quoted) => {
    expect(quoteIdentifier(name)).toBe(quoted);
  });

  it('lets no name out of its quotes', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        const quoted = quoteIdentifier(name);
        expect(quoted.slice(1, -1).replaceAll('""', '')).not.toContain('"');
        expect(quoted.slice(1, -1).replaceAll('""', '"')).toBe(name);
      }),
    );
  });

  it('of a table puts the schema before it', () => {
    expect(quotedTable({ table: 'a.b' })).toBe('"a.b"');
    expect(quotedTable({ schema: 'billing', table: 'invoices' })).toBe('"billing"."invoices"');
  });
});

describe('namedTable', () => {
  it('reads table, and schema.table', () => {
    expect(namedTable('users')).toEqual({ table: 'users' });
    expect(namedTable('billing.invoices')).toEqual({ schema: 'billing', table: 'invoices' });
  });

  it.each([[''], ['.'], ['a.'], ['.b'], ['a.b.c'], ['a\0b']])('refuses %p', (name) => {
    expect(() => namedTable(name)).toThrow(PgLockUsageError);
  });
});

describe('printable', () => {
  it.each<[unknown, string]>([
    ['a "b"\n', '"a \\"b\\"\\n"'],
    [5n, '5n'],
    [null, 'null'],
    [undefined, 'undefined'],
    [[1, 'a'], '[1, "a"]'],
    [[1, 2, 3, 4, 5], '[1, 2, 3, 4, …]'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [new Date(0), 'a Date'],
    [Symbol('x'), 'Symbol(x)'],
    [class Order {}, 'function Order'],
  ])('shows %p in short', (value, text) => {
    expect(printable(value)).toBe(text);
  });

  it('is one short line and never throws, whatever comes', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (value) => {
        expect(printable(value).length).toBeLessThanOrEqual(80);
        expect(printable(value)).not.toContain('\n');
      }),
    );
  });
});

describe('sqlStateOf', () => {
  it('reads a code that is a text, of anything', () => {
    expect(sqlStateOf(Object.assign(new Error(), { code: '55P03' }))).toBe('55P03');
    for (const none of [new Error(), { code: 5 }, null, undefined, 'text'])
      expect(sqlStateOf(none)).toBeUndefined();
  });
});
