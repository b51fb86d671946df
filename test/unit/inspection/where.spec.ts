import fc from 'fast-check';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { filterPredicates } from '../../../lib/inspection/filter-text.js';
import { sortingsOf, type LockOrder } from '../../../lib/inspection/order-by.js';
import { resolveQuery } from '../../../lib/inspection/resolve-query.js';
import { predicatesOf } from '../../../lib/inspection/where.js';
import { BLOCKED_ATTRIBUTES, LOCK_ATTRIBUTES } from '../../../lib/sql/inspection-attributes.js';
import { findRows } from '../../../lib/sql/inspection-query.js';
import { advisoryKey } from '../../../lib/vocabulary/lock-id.js';
import { namedTable } from '../../../lib/vocabulary/lock-target.js';

const vocabulary = {
  namespace: '',
  tableOf: (target: unknown) => namedTable(target as string),
  configs: { long: { filters: ['activity.duration>=5s'] }, broken: { limit: 0 }, odd: { colour: 'red' } },
};
const resolve = (query: object) => resolveQuery('locks', query, vocabulary);
const where = (value: unknown) => predicatesOf(value, LOCK_ATTRIBUTES);

describe('a where', () => {
  it.each([
    [{ granted: false }, [{ op: 'eq', path: 'granted', value: false }]],
    [{ activity: { duration: { gte: '5s' } } }, [{ op: 'gte', path: 'activity.duration', value: 5000 }]],
    [{ activity: { state: null } }, [{ op: 'isNull', path: 'activity.state', value: true }]],
    [{ relName: { in: ['a', 'b'] } }, [{ op: 'in', path: 'relName', values: ['a', 'b'] }]],
    [{ mode: { not: 'SHARE' } }, [{ op: 'not', of: [{ op: 'eq', path: 'mode', value: 'SHARE' }] }]],
    [
      { waitDuration: { gt: 1, lt: '1m' } },
      [
        { op: 'gt', path: 'waitDuration', value: 1 },
        { op: 'lt', path: 'waitDuration', value: 60_000 },
      ],
    ],
    [{ advisoryId: 'hello' }, [{ op: 'eq', path: 'advisoryKey', value: '245608543:3125670444:1' }]],
    [{ advisoryId: [1, 2] }, [{ op: 'eq', path: 'advisoryKey', value: '1:2:2' }]],
    [
      { advisoryKey: advisoryKey('hello') },
      [{ op: 'eq', path: 'advisoryKey', value: '245608543:3125670444:1' }],
    ],
    [{ waitStart: { gte: '1970-01-01T00:00:01Z' } }, [{ op: 'gte', path: 'waitStart', value: 1000 }]],
    [{}, []],
    [undefined, []],
  ])('is read: %j', (value, expected) => {
    expect(where(value)).toEqual(expected);
  });

  it.each([
    [{ colour: 1 }, /no attribute "colour".*advisoryId.*granted.*relName/],
    [{ activity: { colour: 1 } }, /no attribute "activity.colour".*duration.*query/],
    [{ blockingActivity: { pid: 1 } }, /no attribute "blockingActivity"/],
    [{ granted: { gt: true } }, /granted has no operator "gt".*in, isNull, not/],
    [{ activityId: { like: '1%' } }, /activityId has no operator "like".*gte/],
    [{ granted: 'yes' }, /granted is compared with true or false; got "yes"/],
    [{ activityId: 1.5 }, /whole number/],
    [{ activityId: undefined }, /whole number; got undefined/],
    [{ activity: undefined }, /activity must be an object/],
    [{ relName: {} }, /relName is given no operator/],
    [{ relName: ['a'] }, /relName is compared with a text/],
    [{ relName: 'a\0b' }, /relName is compared with a text/],
    [{ relName: { in: 'a' } }, /relName.in must be an array/],
    [{ relName: { isNull: 1 } }, /relName.isNull must be true or false/],
    [{ activity: { duration: '5 parsecs' } }, /activity.duration must be a number of milliseconds/],
    [{ activity: { duration: { gte: -1 } } }, /activity.duration must be/],
    [{ waitStart: 'yesterday-ish' }, /waitStart is compared with a Date/],
    [{ advisoryKey: { classId: -1, objId: 0, objSubId: 1 } }, /AdvisoryKey/],
    [{ advisoryId: { x: 1 } }, /advisoryKey has no operator/],
    ['granted', /where must be an object/],
    [[], /where must be an object/],
    [null, /where must be an object/],
  ])('is refused: %j', (value, message) => {
    expect(() => where(value)).toThrow(PgLockUsageError);
    expect(() => where(value)).toThrow(message);
  });
});

describe('a question', () => {
  it.each([
    [{ limit: 0 }, /limit must be a whole number of at least 1; got 0/],
    [{ limit: 1.5 }, /limit must be/],
    [{ limit: '3' }, /limit must be/],
    [{ pids: ['1; DROP'] }, /pids must be process ids/],
    [{ pids: 7 }, /pids must be an array/],
    [{ ids: [{}] }, /lock id/],
    [{ config: 'lang' }, /no configuration "lang". There are: "long", "broken", "odd"/],
    [{ config: 'broken' }, /limit must be/],
    [{ config: 'odd' }, /"colour" means nothing in the configuration "odd"/],
    [{ config: 'constructor' }, /no configuration "constructor"/],
    [{ colour: 'red' }, /"colour" means nothing in a question about locks. There are: on, ids/],
    [{ filters: 'granted=true' }, /filters must be an array/],
    [{ orderBy: 'colour' }, /no attribute "colour" to order by. There are: activityId/],
    [{ orderBy: { granted: 'up' } }, /must be 'asc' or 'desc'/],
  ])('is refused before any SQL: %j', (query, message) => {
    expect(() => resolve(query)).toThrow(PgLockUsageError);
    expect(() => resolve(query)).toThrow(message);
  });

  it('reads saved configurations, and goes before them', () => {
    expect(resolve({ config: 'long' }).predicates).toEqual([
      { op: 'gte', path: 'activity.duration', value: 5000 },
    ]);
    expect(resolve({ config: 'broken', limit: 2 }).limit).toBe(2);
  });

  it.each([{ ids: [] }, { on: [] }])('is refused with a list that picks out nothing: %j', (query) => {
    expect(() => resolve(query)).toThrow(/must not be empty: leave it out to ask about all/);
  });

  it.each([null, 5, 'users'])('is refused where it is no object: %j', (query) => {
    expect(() => resolve(query as never)).toThrow(
      /^What is given as a question about locks must be an object/,
    );
  });

  it('never changes what the caller gave', () => {
    const query = Object.freeze({
      config: 'long',
      on: Object.freeze(['users']),
      where: Object.freeze({ granted: true }),
    });
    expect(() => resolve(query)).not.toThrow();
  });
});

describe('a filter as text', () => {
  it.each([
    ['activity.duration>=5s', [{ op: 'gte', path: 'activity.duration', value: 5000 }]],
    ['activity.duration > 5 minutes', [{ op: 'gt', path: 'activity.duration', value: 300_000 }]],
    ['granted=false', [{ op: 'eq', path: 'granted', value: false }]],
    ['activityId=42', [{ op: 'eq', path: 'activityId', value: 42 }]],
    ['relName~use%', [{ op: 'like', path: 'relName', value: 'use%' }]],
    ['relName!~use%', [{ op: 'not', of: [{ op: 'like', path: 'relName', value: 'use%' }] }]],
    ['activity.query=a = b', [{ op: 'eq', path: 'activity.query', value: 'a = b' }]],
    ['activity.state!=idle', [{ op: 'not', of: [{ op: 'eq', path: 'activity.state', value: 'idle' }] }]],
    ['waitStart=null', [{ op: 'isNull', path: 'waitStart', value: true }]],
    ['advisoryId=hello', [{ op: 'eq', path: 'advisoryKey', value: '245608543:3125670444:1' }]],
    ['advisoryKey=1:2:1', [{ op: 'eq', path: 'advisoryKey', value: '1:2:1' }]],
    ['activity__duration__gt=5 seconds', [{ op: 'gt', path: 'activity.duration', value: 5000 }]],
    ['relName=', [{ op: 'eq', path: 'relName', value: '' }]],
  ])('is read: %s', (text, expected) => {
    expect(filterPredicates(text, LOCK_ATTRIBUTES)).toEqual(expected);
  });

  it.each([
    'granted',
    '',
    '=5',
    'granted ? true',
    'colour=red',
    '__proto__=1',
    'constructor=1',
    'granted>true',
    'activity=1',
  ])('is refused: %s', (text) => {
    expect(() => filterPredicates(text, LOCK_ATTRIBUTES)).toThrow(PgLockUsageError);
  });
});

describe('an order', () => {
  it.each<[LockOrder, unknown]>([
    ['granted', [{ path: 'granted', descending: false }]],
    ['-activity.duration', [{ path: 'activity.duration', descending: true }]],
    [{ activity: { pid: 'desc' } }, [{ path: 'activity.pid', descending: true }]],
    [{ 'activity.pid': 'asc' }, [{ path: 'activity.pid', descending: false }]],
    [
      ['relName', { mode: 'desc' }],
      [
        { path: 'relName', descending: false },
        { path: 'mode', descending: true },
      ],
    ],
  ])('is read: %j', (order, expected) => {
    expect(sortingsOf(order, BLOCKED_ATTRIBUTES)).toEqual(expected);
  });
});

describe('nothing of the caller is in the SQL', () => {
  const hostile = fc.oneof(
    fc.string(),
    fc.constantFrom(
      `'; DROP TABLE users; --`,
      `" OR 1=1 --`,
      '$1',
      '\\',
      `x' || (SELECT 1) || '`,
      '/*',
      'granted"',
    ),
  );
  /** With everything of the caller taken out, what is left depends on the shape of the question alone. */
  const textOf = (query: object) => {
    try {
      return findRows(resolve(query), 180_000).text;
    } catch (error) {
      if (error instanceof PgLockUsageError) return 'refused';
      throw error;
    }
  };

  it('whatever stands as a value', () => {
    const plain = textOf({
      on: ['t'],
      ids: ['i'],
      where: { relName: 'r', activity: { query: { like: 'l' } } },
    });
    fc.assert(
      fc.property(hostile, hostile, hostile, (table, id, value) => {
        const query = {
          on: [{ table, schema: 's' }],
          ids: [id],
          where: { relName: value, activity: { query: { like: value } } },
        };
        const tableOf = () => ({ table });
        const text = (() => {
          try {
            return findRows(resolveQuery('locks', query, { ...vocabulary, tableOf }), 180_000).text;
          } catch (error) {
            if (error instanceof PgLockUsageError) return 'refused';
            throw error;
          }
        })();
        expect([plain, 'refused']).toContain(text);
      }),
    );
  });

  it('whatever stands as a path, an operator or an order', () => {
    fc.assert(
      fc.property(hostile, (name) => {
        fc.pre(!Object.hasOwn(LOCK_ATTRIBUTES, name));
        expect(textOf({ where: { [name]: 'x' } })).toBe(
          name === 'advisoryId' ? expect.anything() : 'refused',
        );
        expect(textOf({ where: { relName: { [name]: 'x' } } })).toMatch(/^refused$|LIKE|NOT TRUE/);
        expect(textOf({ orderBy: name })).toBe('refused');
        expect(textOf({ orderBy: { [name]: 'desc' } })).toBe('refused');
        expect(textOf({ [name]: [] })).toMatch(/^refused$|^WITH/);
      }),
    );
  });
});
