import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { AttributeKind, AttributeTable } from '../sql/inspection-attributes.js';
import type { Comparison, Predicate } from '../sql/inspection-predicate.js';
import type { LockId } from '../vocabulary/lock-id.js';
import { lockKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import { attributeValue, patternValue } from './attribute-value.js';

const EQUALITY = ['in', 'isNull', 'not'];
const ORDER = [...EQUALITY, 'gt', 'gte', 'lt', 'lte'];

const OPERATORS: Readonly<Record<AttributeKind, readonly string[]>> = {
  boolean: EQUALITY,
  key: EQUALITY,
  text: [...EQUALITY, 'like'],
  integer: ORDER,
  duration: ORDER,
  timestamp: ORDER,
};

/** A name of an advisory lock is looked for by its key. */
const ADVISORY_ID = 'advisoryId';

/**
 * Checks a where, and puts it into the form that becomes SQL. Sends nothing.
 *
 * @throws {PgLockUsageError} when an attribute or an operator does not exist (the message lists those that do), or a value
 * is not one that the attribute can be compared with.
 * @internal
 */
export function predicatesOf(where: unknown, table: AttributeTable, namespace = ''): readonly Predicate[] {
  if (where === undefined) return [];
  return new WhereReader(table, namespace).level(where, '');
}

/** The paths below a prefix, one level deep. @internal */
export function namesBelow(table: AttributeTable, prefix: string): string[] {
  const names = Object.keys(table)
    .filter((path) => path.startsWith(prefix))
    .map((path) => path.slice(prefix.length).split('.')[0] as string);
  const own = prefix === '' ? [...names, ADVISORY_ID] : names;
  return [...new Set(own)].sort();
}

class WhereReader {
  constructor(
    private readonly table: AttributeTable,
    private readonly namespace: string,
  ) {}

  level(where: unknown, prefix: string): Predicate[] {
    const what = prefix === '' ? 'where' : prefix.slice(0, -1);
    if (!isPlainObject(where))
      throw new PgLockUsageError(`${what} must be an object of attributes; got ${printable(where)}.`);
    return Object.entries(where).flatMap(([name, value]) => this.#entry(prefix + name, value, prefix));
  }

  #entry(path: string, value: unknown, prefix: string): Predicate[] {
    if (path === ADVISORY_ID) return this.#condition('advisoryKey', 'key', value, (id) => this.#keyOf(id));
    const kind = Object.hasOwn(this.table, path) ? this.table[path] : undefined;
    if (kind !== undefined)
      return this.#condition(path, kind, value, (item) => attributeValue(item, kind, path));
    if (Object.keys(this.table).some((known) => known.startsWith(`${path}.`)))
      return this.level(value, `${path}.`);
    const known = namesBelow(this.table, prefix).join(', ');
    throw new PgLockUsageError(`There is no attribute ${printable(path)}. There are: ${known}.`);
  }

  #keyOf(id: unknown): string {
    return lockKey(id as LockId, this.namespace).text;
  }

  #condition(
    path: string,
    kind: AttributeKind,
    value: unknown,
    read: (value: unknown) => unknown,
  ): Predicate[] {
    if (value === null) return [{ op: 'isNull', path, value: true }];
    if (!isOperators(value, kind)) return [{ op: 'eq', path, value: read(value) }];
    const entries = Object.entries(value);
    if (entries.length === 0) throw new PgLockUsageError(`${path} is given no operator. ${listed(kind)}`);
    return entries.map(([operator, operand]) => this.#operation(path, kind, operator, operand, read));
  }

  #operation(
    path: string,
    kind: AttributeKind,
    operator: string,
    operand: unknown,
    read: (value: unknown) => unknown,
  ): Predicate {
    if (!OPERATORS[kind].includes(operator))
      throw new PgLockUsageError(`${path} has no operator ${printable(operator)}. ${listed(kind)}`);
    if (operator === 'not') return { op: 'not', of: this.#condition(path, kind, operand, read) };
    if (operator === 'isNull') return { op: 'isNull', path, value: truth(path, operand) };
    if (operator === 'in') return { op: 'in', path, values: list(path, operand).map(read) };
    const value = operator === 'like' ? patternValue(operand, path) : read(operand);
    return { op: operator as Comparison, path, value };
  }
}

function listed(kind: AttributeKind): string {
  return `Operators are: ${OPERATORS[kind].join(', ')}; a plain value means equality.`;
}

function truth(path: string, operand: unknown): boolean {
  if (typeof operand === 'boolean') return operand;
  throw new PgLockUsageError(`${path}.isNull must be true or false; got ${printable(operand)}.`);
}

function list(path: string, operand: unknown): readonly unknown[] {
  if (Array.isArray(operand)) return Array.from(operand as unknown[]);
  throw new PgLockUsageError(`${path}.in must be an array; got ${printable(operand)}.`);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** A key is an object itself, told from operators by what it has. */
function isOperators(value: unknown, kind: AttributeKind): value is Record<string, unknown> {
  return isPlainObject(value) && !(kind === 'key' && 'classId' in value);
}
