import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { AttributeTable } from '../sql/inspection-attributes.js';
import type { Sorting } from '../sql/inspection-query.js';
import { printable } from '../vocabulary/printable.js';

/** The least first, or the greatest. @publicApi */
export type SortDirection = 'asc' | 'desc';

/**
 * What comes first: the path of an attribute, a `-` before it for the greatest first (`'-activity.duration'`), an object
 * (`{ waitDuration: 'desc' }`, `{ activity: { duration: 'asc' } }`), or several of these. Rows without a value come last
 * either way.
 *
 * @publicApi
 */
export type LockOrder = string | LockOrderObject | readonly (string | LockOrderObject)[];

/** The attributes to order by, the first one first. @publicApi */
export interface LockOrderObject {
  readonly [attribute: string]: SortDirection | LockOrderObject;
}

/** Who waits first, the longest wait first, then the longest statement: as django-pglock lists. */
const USUAL: readonly Sorting[] = [
  { path: 'granted', descending: false },
  { path: 'waitDuration', descending: true },
  { path: 'activity.duration', descending: true },
  { path: 'activityId', descending: false },
];

/** @throws {PgLockUsageError} when an attribute does not exist, or a direction is neither. @internal */
export function sortingsOf(order: LockOrder | undefined, table: AttributeTable): readonly Sorting[] {
  if (order === undefined) return USUAL;
  const parts = Array.isArray(order) ? (order as readonly unknown[]) : [order];
  return parts.flatMap((part) =>
    typeof part === 'string' ? [ofText(part, table)] : ofObject(part, '', table),
  );
}

function ofText(text: string, table: AttributeTable): Sorting {
  const descending = text.startsWith('-');
  return { path: known(descending ? text.slice(1) : text, table), descending };
}

function ofObject(part: unknown, prefix: string, table: AttributeTable): Sorting[] {
  if (typeof part !== 'object' || part === null)
    throw new PgLockUsageError(`orderBy takes paths and objects; got ${printable(part)}.`);
  return Object.entries(part).flatMap(([name, value]: [string, unknown]) => {
    const path = prefix + name;
    const leads = Object.keys(table).some((other) => other.startsWith(`${path}.`));
    if (typeof value === 'object' && leads) return ofObject(value, `${path}.`, table);
    if (value !== 'asc' && value !== 'desc')
      throw new PgLockUsageError(`orderBy ${path} must be 'asc' or 'desc'; got ${printable(value)}.`);
    return [{ path: known(path, table), descending: value === 'desc' }];
  });
}

function known(path: string, table: AttributeTable): string {
  if (Object.hasOwn(table, path)) return path;
  throw new PgLockUsageError(
    `There is no attribute ${printable(path)} to order by. There are: ${Object.keys(table).join(', ')}.`,
  );
}
