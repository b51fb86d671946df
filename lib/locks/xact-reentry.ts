import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { LockId, LockKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';

/** A transaction-level lock that a flow may hold. @internal */
export interface CoveringHandle {
  readonly held: boolean;
  readonly shared: boolean;
  covers(key: LockKey): boolean;
}

/** Ids asked for, with their keys. @internal */
export interface AskedFor {
  readonly id: LockId | readonly LockId[];
  readonly keys: readonly LockKey[];
  readonly shared: boolean;
}

/**
 * The handle, among those that a flow holds in its transactions, under which it has already what it asks for at session
 * level; a second session would wait for the first for ever.
 *
 * @throws {PgLockUsageError} when the flow holds only a part of it, or holds it shared and asks for it exclusively.
 * @internal
 */
export function coveringHandle<Handle extends CoveringHandle>(
  { id, keys, shared }: AskedFor,
  handles: readonly Handle[],
): Handle | undefined {
  const relevant = handles.filter((handle) => handle.held && keys.some((key) => handle.covers(key)));
  if (relevant.length === 0) return undefined;
  const covering = relevant.find((handle) => keys.every((key) => handle.covers(key)));
  if (covering === undefined)
    throw heldTwice(id, 'in part in its transaction, where a session-level lock would wait');
  if (covering.shared && !shared)
    throw heldTwice(id, 'shared in its transaction, where an exclusive one would wait');
  return covering;
}

/** The error for a flow that would wait for itself. @internal */
export function heldTwice(id: LockId | readonly LockId[], where: string): PgLockUsageError {
  return new PgLockUsageError(
    `This flow holds advisory lock ${printable(id)} already, ${where} for it for ever: take one of the two.`,
  );
}
