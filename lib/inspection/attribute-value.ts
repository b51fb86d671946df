import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { AttributeKind } from '../sql/inspection-attributes.js';
import { durationMs, type Duration } from '../vocabulary/duration.js';
import { LockKey, type AdvisoryKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import { attributeWord } from './attribute-words.js';

const MAX_UINT4 = 2 ** 32 - 1;

const READERS: Readonly<Record<AttributeKind, (value: unknown) => unknown>> = {
  integer: (value) => (Number.isSafeInteger(value) ? value : undefined),
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  // PostgreSQL's text holds every character but this one.
  text: (value) => (typeof value === 'string' && !value.includes('\0') ? value : undefined),
  timestamp: readTimestamp,
  duration: (value) => value,
  key: (value) => (isAdvisoryKey(value) ? LockKey.ofAdvisoryKey(value).text : undefined),
};

const WANTED: Readonly<Record<AttributeKind, string>> = {
  integer: 'a whole number',
  boolean: 'true or false',
  text: 'a text',
  timestamp: 'a Date, or a text that Date reads',
  duration: 'a Duration',
  key: 'an AdvisoryKey such as { classId, objId, objSubId }',
};

/**
 * A value in the form that SQL compares an attribute with.
 *
 * @throws {PgLockUsageError} when it is of another kind, or `undefined`: a condition that is not there by accident would
 * widen a question, and what is signalled by it.
 * @internal
 */
export function attributeValue(value: unknown, kind: AttributeKind, path: string): unknown {
  if (kind === 'duration') return durationMs(value as Duration, path);
  const read = READERS[kind](value);
  if (kind === 'text' && typeof read === 'string') return attributeWord(path, read);
  if (read !== undefined) return read;
  throw new PgLockUsageError(`${path} is compared with ${WANTED[kind]}; got ${printable(value)}.`);
}

/** A pattern for LIKE. @throws {PgLockUsageError} when it is no text. @internal */
export function patternValue(value: unknown, path: string): unknown {
  const read = READERS.text(value);
  if (read !== undefined) return read;
  throw new PgLockUsageError(`${path}.like is compared with a text; got ${printable(value)}.`);
}

function readTimestamp(value: unknown): number | undefined {
  if (!(value instanceof Date) && typeof value !== 'string') return undefined;
  const time = new Date(value).getTime();
  return Number.isNaN(time) ? undefined : time;
}

function isAdvisoryKey(value: unknown): value is AdvisoryKey {
  if (typeof value !== 'object' || value === null) return false;
  const { classId, objId, objSubId } = value as Partial<AdvisoryKey>;
  return isUint4(classId) && isUint4(objId) && (objSubId === 1 || objSubId === 2);
}

function isUint4(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_UINT4;
}
