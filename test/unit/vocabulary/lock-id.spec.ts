import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { advisoryKey, isPair, lockKey, LockKey, type LockId } from '../../../lib/vocabulary/lock-id.js';

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
const UINT4 = 2 ** 32;

const int8 = fc.bigInt({ min: MIN, max: MAX });
const int4 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

/** The signed 64 bits that two unsigned halves make, as `pg_locks` is read by hand. */
const joined = ({ classId, objId }: { classId: number; objId: number }) =>
  BigInt.asIntN(64, (BigInt(classId) << 32n) | BigInt(objId));

// The texts were hashed by Python's hashlib and struct, as django-pglock does.
const isText = (text: string) => !/\p{Surrogate}/u.test(text);

describe('advisoryKey', () => {
  it.each<[LockId, number, number, 1 | 2]>([
    ['hello', 245608543, 3125670444, 1],
    ['billing.close', 3745693976, 3255475070, 1],
    ['ключ', 2693626287, 845865757, 1],
    ['日本', 3408323419, 213854927, 1],
    [0, 0, 0, 1],
    [1, 0, 1, 1],
    [-1, 4294967295, 4294967295, 1],
    [-1n, 4294967295, 4294967295, 1],
    [MIN, 2147483648, 0, 1],
    [MAX, 2147483647, 4294967295, 1],
    [Number.MAX_SAFE_INTEGER, 2097151, 4294967295, 1],
    [[1, 2], 1, 2, 2],
    [[-1, -2], 4294967295, 4294967294, 2],
    [[-(2 ** 31), 2 ** 31 - 1], 2147483648, 2147483647, 2],
  ])('of %p is fixed', (id, classId, objId, objSubId) => {
    expect(advisoryKey(id)).toEqual({ classId, objId, objSubId });
  });

  it('of any text is the first eight bytes of its SHA-256, read little-endian', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }).filter(isText), (name) => {
        const hash = createHash('sha256').update(name, 'utf8').digest().readBigInt64LE(0);
        expect(joined(advisoryKey(name))).toBe(hash);
      }),
    );
  });

  it('of any int8 is its two unsigned halves', () => {
    fc.assert(
      fc.property(int8, (value) => {
        const key = advisoryKey(value);
        expect(joined(key)).toBe(value);
        expect([key.classId, key.objId].every((half) => half >= 0 && half < UINT4)).toBe(true);
      }),
    );
  });

  it('of a safe integer is that of the same bigint', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => expect(advisoryKey(n)).toEqual(advisoryKey(BigInt(n)))),
    );
  });

  it('of any pair is both as unsigned integers, apart from the int8 space', () => {
    fc.assert(
      fc.property(int4, int4, (first, second) => {
        const key = advisoryKey([first, second]);
        expect([key.classId | 0, key.objId | 0, key.objSubId]).toEqual([first, second, 2]);
        expect(lockKey([first, second]).text).not.toBe(lockKey(joined(key)).text);
      }),
    );
  });

  it('is either right or a usage error, whatever comes', () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, maxDepth: 1 }), (id) => {
        try {
          const { classId, objId, objSubId } = advisoryKey(id as LockId);
          expect(['string', 'bigint', 'number'].includes(typeof id) || isPair(id)).toBe(true);
          expect([1, 2]).toContain(objSubId);
          expect([classId, objId].every((half) => Number.isInteger(half) && half >= 0)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(PgLockUsageError);
        }
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [1.5],
    [2 ** 53],
    [-(2 ** 53)],
    [MAX + 1n],
    [MIN - 1n],
    [null],
    [undefined],
    [true],
    [{}],
    [[]],
    [[1]],
    [[1, 2, 3]],
    [[1, 2 ** 31]],
    [[1, 0.5]],
    [['a', 'b']],
    [() => 1],
    [Symbol('x')],
    [new Date()],
  ])('refuses %p', (id) => {
    expect(() => advisoryKey(id as never)).toThrow(PgLockUsageError);
  });

  it('gives frozen plain figures', () => {
    const key = advisoryKey('hello');
    expect(Object.isFrozen(key)).toBe(true);
    expect(Object.getPrototypeOf(key)).toBe(Object.prototype);
  });
});

describe('lockKey', () => {
  it('puts the namespace before texts, and before nothing else', () => {
    expect(lockKey('x', 'app:').text).toBe(lockKey('app:x').text);
    expect(lockKey(5, 'app:').text).toBe(lockKey(5).text);
    expect(lockKey([1, 2], 'app:').text).toBe(lockKey([1, 2]).text);
  });

  it('carries the 64 bits as a signed decimal, for SQL', () => {
    fc.assert(fc.property(int8, (value) => expect(lockKey(value).int8).toBe(String(value))));
    expect(lockKey([-1, 2]).int8).toBe(String(BigInt.asIntN(64, (-1n << 32n) | 2n)));
  });

  it('comes back from the figures of pg_locks', () => {
    const ids = fc.oneof(int8, fc.tuple(int4, int4));
    fc.assert(
      fc.property(ids, (id) => {
        const key = lockKey(id);
        const read = LockKey.ofAdvisoryKey(key.toAdvisoryKey());
        expect([read.text, read.int8]).toEqual([key.text, key.int8]);
      }),
    );
  });
});
