import { hash } from 'node:crypto';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { printable } from './printable.js';

/**
 * What names an advisory lock.
 *
 * - `string`: the first 8 bytes of its UTF-8 SHA-256, read little-endian as a signed 64-bit integer: the rule of Python's
 *   `django-pglock`, so that services in both languages exclude each other on one database.
 * - `bigint` or `number`: PostgreSQL's one-`bigint` key space; numbers must be safe integers.
 * - `[number, number]`: PostgreSQL's two-`integer` key space, which never meets the first.
 *
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS
 * @publicApi
 */
export type LockId = string | bigint | number | readonly [number, number];

/** An id in a list of ids. No plain number: `[17, 42]` is one pair, and must mean nothing else with a third number. @publicApi */
export type ListedLockId = string | bigint | readonly [number, number];

/**
 * A lock id as `pg_locks` shows it: always unsigned 32-bit numbers, also for ids whose hash is negative.
 *
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @publicApi
 */
export interface AdvisoryKey {
  /** The high half of a `bigint` key, or the first of the two integers. */
  readonly classId: number;
  /** The low half of a `bigint` key, or the second of the two integers. */
  readonly objId: number;
  /** 1 for `bigint` keys, 2 for pairs of integers. */
  readonly objSubId: 1 | 2;
}

const INT8_MIN = -(2n ** 63n);
const INT8_MAX = 2n ** 63n - 1n;
const INT4_MIN = -(2 ** 31);
const INT4_MAX = 2 ** 31 - 1;

/** The key of an id, ready for SQL, for maps and for comparison with `pg_locks`. Immutable. @internal */
export class LockKey implements AdvisoryKey {
  private spelled: string | undefined;

  private constructor(
    readonly classId: number,
    readonly objId: number,
    readonly objSubId: 1 | 2,
  ) {}

  /**
   * `classId:objId:objSubId`: equal for equal keys, and a stable order to lock several in. Spelled when it is asked for
   * it, which costs more than all comparisons of a lock: see {@link LockKey.equals}.
   */
  get text(): string {
    this.spelled ??= `${this.classId}:${this.objId}:${this.objSubId}`;
    return this.spelled;
  }

  /** A 32-bit integer: equal for equal keys, and mostly another for others. */
  get hash(): number {
    return this.objId ^ Math.imul(this.classId, 31);
  }

  equals(other: LockKey): boolean {
    if (this === other) return true;
    return this.objId === other.objId && this.classId === other.classId && this.objSubId === other.objSubId;
  }

  /** The 64 bits of the key as a signed decimal: the bigint itself, or both integers packed. */
  get int8(): string {
    return String(BigInt.asIntN(64, (BigInt(this.classId) << 32n) | BigInt(this.objId)));
  }

  /** Of the 64 bits of a `bigint` the high and the low half, unsigned. */
  static ofHalves(high: number, low: number): LockKey {
    return new LockKey(high, low, 1);
  }

  static ofBigInt(value: bigint): LockKey {
    return new LockKey(Number(BigInt.asUintN(32, value >> 32n)), Number(BigInt.asUintN(32, value)), 1);
  }

  static ofPair(first: number, second: number): LockKey {
    return new LockKey(first >>> 0, second >>> 0, 2);
  }

  static ofAdvisoryKey({ classId, objId, objSubId }: AdvisoryKey): LockKey {
    return new LockKey(classId >>> 0, objId >>> 0, objSubId);
  }

  /** The plain figures, frozen, as the public contract shows them. */
  toAdvisoryKey(): AdvisoryKey {
    return Object.freeze({ classId: this.classId, objId: this.objId, objSubId: this.objSubId });
  }
}

/**
 * The key of a lock id as `pg_locks` shows it. Sends no SQL.
 *
 * @example advisoryKey('hello') // { classId: 245608543, objId: 3125670444, objSubId: 1 }
 * @throws {PgLockUsageError} when the id is of another type, or out of range.
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @publicApi
 */
export function advisoryKey(id: LockId): AdvisoryKey {
  return lockKey(id).toAdvisoryKey();
}

/** Like {@link advisoryKey}, with the namespace put before string ids, for use inside the library. @internal */
export function lockKey(id: LockId, namespace = ''): LockKey {
  if (typeof id === 'string') {
    assertText(id);
    return hashed(namespace + id);
  }
  if (typeof id === 'bigint') return ofInt8(id, id);
  if (typeof id === 'number') return ofNumber(id);
  if (isPair(id)) return LockKey.ofPair(int4(id[0], id), int4(id[1], id));
  throw badId(id);
}

/** Whether a value has the shape of one id, rather than of a list of ids: two plain numbers are a pair. @internal */
export function isPair(value: unknown): value is readonly [number, number] {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'number');
}

/** Text that is no UTF-8: all such would be hashed alike. */
const LONE_SURROGATE = /\p{Surrogate}/u;

function assertText(id: string): void {
  if (id === '')
    throw new PgLockUsageError(
      "A lock id must not be empty: '' is usually a forgotten value, and all callers that forgot it would share one lock.",
    );
  if (LONE_SURROGATE.test(id))
    throw new PgLockUsageError(
      `A lock id must be valid Unicode; ${printable(id)} has half a character in it.`,
    );
}

function hashed(name: string): LockKey {
  const digest = hash('sha256', name, 'binary');
  const uint4 = (at: number) =>
    (digest.charCodeAt(at) |
      (digest.charCodeAt(at + 1) << 8) |
      (digest.charCodeAt(at + 2) << 16) |
      (digest.charCodeAt(at + 3) << 24)) >>>
    0;
  return LockKey.ofHalves(uint4(4), uint4(0));
}

function ofNumber(id: number): LockKey {
  if (!Number.isSafeInteger(id)) throw badId(id);
  return LockKey.ofBigInt(BigInt(id));
}

function ofInt8(value: bigint, id: unknown): LockKey {
  if (value < INT8_MIN || value > INT8_MAX) throw badId(id);
  return LockKey.ofBigInt(value);
}

function int4(value: number, id: unknown): number {
  if (!Number.isInteger(value) || value < INT4_MIN || value > INT4_MAX) throw badId(id);
  return value;
}

/**
 * One id, or several, as a list: two plain numbers are one id, a pair.
 *
 * @throws {PgLockUsageError} when the list is empty, or has a plain number in it.
 * @internal
 */
export function listOfIds(ids: LockId | readonly LockId[]): readonly LockId[] {
  if (!Array.isArray(ids) || isPair(ids)) return [ids as LockId];
  const list = Array.from(ids as readonly LockId[]); // which skips no hole
  if (list.length === 0) throw new PgLockUsageError('The list of lock ids is empty; give at least one id.');
  if (list.some((id) => typeof id === 'number'))
    throw new PgLockUsageError(
      `A list of lock ids holds strings, bigints and pairs; got ${printable(ids)}. Two plain numbers are one pair: write ` +
        'numbers in a list as bigints, such as 17n.',
    );
  return list;
}

function badId(id: unknown): PgLockUsageError {
  return new PgLockUsageError(
    `A lock id must be a string, a bigint in the int8 range, a safe integer, or a pair of int4 numbers; got ${printable(id)}.`,
  );
}
