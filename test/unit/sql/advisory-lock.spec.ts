import fc from 'fast-check';
import {
  cancelWait,
  fusedLockOps,
  heldByOthers,
  probeShared,
  singleLockOp,
  tryCode,
  unlockCode,
  waitForLock,
  type LockOpCode,
  type WaitStatement,
} from '../../../lib/sql/advisory-lock.js';
import { lockXact, tryLockXact } from '../../../lib/sql/advisory-xact-lock.js';
import { asText, int8, int8Array } from '../../../lib/sql/binary-values.js';
import { lockKey, type LockId } from '../../../lib/vocabulary/lock-id.js';

describe('codes', () => {
  it.each<[string, string | [number, number], boolean, LockOpCode, LockOpCode, string, string]>([
    ['exclusive', 'x', false, 'x', 'u', 'pg_try_advisory_lock', 'pg_advisory_unlock'],
    ['shared', 'x', true, 's', 'v', 'pg_try_advisory_lock_shared', 'pg_advisory_unlock_shared'],
    ['exclusive pair', [1, 2], false, 'X', 'U', 'pg_try_advisory_lock', 'pg_advisory_unlock'],
    ['shared pair', [1, 2], true, 'S', 'V', 'pg_try_advisory_lock_shared', 'pg_advisory_unlock_shared'],
  ])('%s: a try and the release that undoes it', (_what, id, shared, taking, leaving, take, leave) => {
    const key = lockKey(id);
    expect([tryCode(key, shared), unlockCode(key, shared)]).toEqual([taking, leaving]);
    const [tried, released] = [singleLockOp({ key, code: taking }), singleLockOp({ key, code: leaving })];
    expect(tried.text).toMatch(new RegExp(String.raw`pg_catalog\.${take}\(`));
    expect(released.text).toMatch(new RegExp(String.raw`pg_catalog\.${leave}\(`));
    expect(tried.values.map(asText)).toEqual([key.int8]);
  });
});

describe('fusedLockOps', () => {
  const op = (id: LockId, code: LockOpCode) => ({ key: lockKey(id), code });

  it('is one statement, whatever it carries, with all keys in one value and releases first', () => {
    const few = fusedLockOps([], [op(1, 'x')]);
    const many = fusedLockOps([op(-2, 'u')], [op(1, 'x'), op(3n, 'x')]);
    expect([many.text, many.name]).toEqual([few.text, few.name]);
    expect(few.values.map(asText)).toEqual(['{1}', '0']);
    expect(many.values.map(asText)).toEqual(['{-2,1,3}', '1']);
  });

  it('names what to do with each key, where that is not all exclusive on bigint keys', () => {
    const mixed = fusedLockOps([op('x', 'u')], [op(1, 's'), op([-1, 2], 'X')]);
    expect(mixed.name).not.toBe(fusedLockOps([], [op(1, 'x')]).name);
    expect(mixed.values.map(asText)).toEqual([
      `{${[lockKey('x'), lockKey(1), lockKey([-1, 2])].map((key) => key.int8).join(',')}}`,
      '{u,s,X}',
    ]);
  });
});

describe('binary values', () => {
  it('are what their text says', () => {
    const ids = fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 20 });
    fc.assert(
      fc.property(ids, (values) => {
        const keys = values.map((value) => ({ key: lockKey(value) }));
        expect(asText(int8Array(keys))).toBe(`{${values.join(',')}}`);
        for (const [index, { key }] of keys.entries()) expect(asText(int8(key))).toBe(String(values[index]));
      }),
    );
  });
});

describe('waitForLock', () => {
  const wait = (id: LockId, changes: Partial<WaitStatement> = {}): string =>
    waitForLock({
      ...{ key: lockKey(id), shared: false, number: 7 },
      ...{ beginLease: undefined, isCaught: true, ...changes },
    });

  it('waits in one message, and says at its end whether the lock was granted', () => {
    const sql = wait(5);
    expect(sql).toMatch(/^\/\*NO LOAD BALANCE\*\/ \/\* pglock wait=7 \*\/ /);
    expect(sql).toMatch(
      /IF NOT .*pg_try_advisory_lock\('5'::pg_catalog.int8\) THEN PERFORM .*pg_advisory_lock\('5'::pg_catalog.int8\)/,
    );
    expect(sql).toMatch(/;\nSHOW pglock\.wait$/);
    expect(wait([-1, 2], { shared: true })).toContain(
      "pg_advisory_lock_shared('-1'::pg_catalog.int4, '2'::pg_catalog.int4)",
    );
  });

  it('catches its cancel, and releases what was granted all the same', () => {
    expect(wait(5)).toMatch(/EXCEPTION WHEN query_canceled OR lock_not_available .*pg_advisory_unlock_all/s);
    expect(wait(5, { isCaught: false })).toBe(
      "/*NO LOAD BALANCE*/ /* pglock wait=7 */ SELECT pg_catalog.pg_advisory_unlock_all(); SELECT pg_catalog.pg_advisory_lock('5'::pg_catalog.int8); SELECT 'w' AS \"pglock.wait\"",
    );
  });

  it('begins with nothing, whatever became of a release before it', () => {
    const begun = wait(5).slice(0, wait(5).indexOf('DO $'));
    expect(begun).toContain('SELECT pg_catalog.pg_advisory_unlock_all()');
  });

  it('begins the lease before it waits', () => {
    expect(wait(5, { beginLease: 'SELECT lease', isCaught: false })).toMatch(/ SELECT lease; SELECT pg_cat/);
  });

  it('has nothing of the text of an id in it', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (id) => {
        const figures = wait(id).replaceAll(/'-?\d+'::pg_catalog\.int8/g, '');
        expect(figures).toBe(wait(5).replaceAll("'5'::pg_catalog.int8", ''));
      }),
    );
  });
});

describe('cancelWait', () => {
  it('names the wait by its backend, by how its statement begins, and by its key', () => {
    const { values } = cancelWait(9, { key: lockKey(-1), number: 7 });
    expect(values).toEqual([9, '/*NO LOAD BALANCE*/ /* pglock wait=7 ', 4294967295, 4294967295]);
  });
});

describe('statements about one key', () => {
  it('look by unsigned figures, as pg_locks has them', () => {
    const { values } = heldByOthers(lockKey(-1), [7]);
    expect(values).toEqual([4294967295, 4294967295, 1, [7]]);
    expect(probeShared(lockKey(-1)).text).toContain("'-1'::pg_catalog.int8");
  });

  it('at transaction level are the same text for any number of keys', () => {
    const keys = [lockKey(-1), lockKey([-2, 3])];
    for (const statement of [lockXact, tryLockXact]) {
      expect(statement(keys, false).text).toBe(statement([], false).text);
      expect(statement(keys, true).text).toContain('_shared(');
      expect(statement(keys, false).values?.[0]).toBe('{false,true}');
      expect(statement(keys, false).values?.slice(2)).toEqual(['{-1,-2}', '{-1,3}']);
    }
  });
});
