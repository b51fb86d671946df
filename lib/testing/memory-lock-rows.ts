import type { TextRow } from '../inspection/row-decoder.js';
import type { RowQuery } from '../sql/inspection-query.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { MemoryLockTable } from './memory-lock-table.js';
import { meets, type MemoryRow } from './memory-predicate.js';

/** What all sessions call themselves. @internal */
export const APPLICATION_NAME = 'pglock:locks';

/** A holder of a key, or a waiter for it. */
interface Party {
  readonly key: LockKey;
  readonly shared: boolean;
  readonly pid: number;
  readonly since: Date;
}

/** What `pglock.locks` would see: who holds what, and who waits. @internal */
export function lockRows(table: MemoryLockTable): MemoryRow[] {
  const now = Date.now();
  return [
    ...table.holds().map((hold) => lockRow(hold, true, now)),
    ...table.waiters().map((waiter) => lockRow(waiter, false, now)),
  ];
}

/** What `pglock.blocked` would see: all waiters, with all their blockers. @internal */
export function blockedRows(table: MemoryLockTable): MemoryRow[] {
  const now = Date.now();
  return table.waiters().flatMap((waiter) => {
    const line = table.waiters(waiter.key);
    const others: readonly Party[] = [...table.holds(waiter.key), ...line.slice(0, line.indexOf(waiter))];
    const inTheWay = others.filter(({ shared }) => !shared || !waiter.shared);
    return inTheWay.map((other) => ({
      ...lockRow(waiter, false, now),
      blockingActivityId: other.pid,
      ...activity('blockingActivity', other, 'idle', now),
    }));
  });
}

/** Those of the rows that a question means, in the form in which a server would send them. @internal */
export function answer(rows: readonly MemoryRow[], query: RowQuery): TextRow[] {
  const { on, keys, pids, predicates, orderBy, limit } = query;
  const found = rows
    .filter((row) => (on.length === 0 && keys.length === 0) || keys.includes(String(row['advisoryKey'])))
    .filter((row) => pids === undefined || pids.includes(Number(row['activityId'])))
    .filter((row) => predicates.every((predicate) => meets(row, predicate)));
  for (const { path, descending } of orderBy.toReversed()) found.sort(comparing(path, descending));
  return found.slice(0, limit).map(asText);
}

function lockRow({ key, shared, pid, since }: Party, granted: boolean, now: number): MemoryRow {
  return {
    activityId: pid,
    type: 'ADVISORY',
    mode: shared ? 'SHARE' : 'EXCLUSIVE',
    granted,
    advisoryKey: key.text,
    waitStart: granted ? null : since.getTime(),
    waitDuration: granted ? null : now - since.getTime(),
    ...activity('activity', { pid, since }, granted ? 'idle' : 'active', now),
  };
}

function activity(
  prefix: 'activity' | 'blockingActivity',
  { pid, since }: Pick<Party, 'pid' | 'since'>,
  state: 'active' | 'idle',
  now: number,
): MemoryRow {
  const values = {
    pid,
    applicationName: APPLICATION_NAME,
    backendType: 'client backend',
    state,
    duration: now - since.getTime(),
    ...(state === 'active' ? { waitEventType: 'Lock', waitEvent: 'advisory' } : {}),
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]));
}

/** Rows without a value come last either way. */
function comparing(path: string, descending: boolean): (one: MemoryRow, other: MemoryRow) => number {
  return (one, other) => {
    const [a, b] = [one[path] ?? null, other[path] ?? null];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    if (a === b) return 0;
    return a < b === descending ? 1 : -1;
  };
}

function asText(row: MemoryRow): TextRow {
  return Object.fromEntries(
    Object.entries(row).map(([path, value]) => [path, value === null ? null : spell(value)]),
  );
}

function spell(value: string | number | boolean): string {
  return typeof value === 'boolean' ? (value ? 't' : 'f') : String(value);
}
