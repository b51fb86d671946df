import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { LockId, LockKey } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import type { AdvisoryLockOptions, OnContention } from './advisory-options.js';
import type { LockNames, NamedKey } from './lock-names.js';
import { resolveAdvisoryOptions, type ResolvedAdvisoryDefaults } from './resolve-advisory-options.js';

/** What a request is read against. @internal */
export interface XactLockReading {
  readonly defaults: ResolvedAdvisoryDefaults;
  readonly names: LockNames;
}

/** A request for transaction-level locks, checked. @internal */
export interface XactLockRequest {
  readonly id: LockId | readonly LockId[];
  readonly named: readonly NamedKey[];
  /** Without repetitions, in the order in which they are locked. */
  readonly keys: readonly [LockKey, ...LockKey[]];
  readonly shared: boolean;
  readonly timeoutMs: number | null | undefined;
  readonly onContention: OnContention;
  readonly signal: AbortSignal | undefined;
  readonly reentrant: boolean;
}

/**
 * Checks what was asked for. Sends nothing.
 *
 * @throws {PgLockUsageError} when it cannot mean anything.
 * @internal
 */
export function xactLockRequest(
  id: LockId | readonly LockId[],
  options: AdvisoryLockOptions,
  { defaults, names }: XactLockReading,
  otherwise: OnContention,
): XactLockRequest {
  const resolved = resolveAdvisoryOptions(options, defaults);
  assertLastsAsTransaction(options);
  const { timeoutMs, onContention = otherwise, shared, reentrant } = resolved;
  const { signal } = options;
  const named = names.keysOf(id);
  const keys = named.map(({ key }) => key) as [LockKey, ...LockKey[]];
  return { id, named, keys, shared, timeoutMs, onContention, signal, reentrant };
}

/** @throws {PgLockUsageError} when an option asks for a lock that lasts longer or shorter than its transaction. @internal */
export function assertLastsAsTransaction(options: AdvisoryLockOptions): void {
  const { holdAtLeast, maxHold, sticky, untilCommit } = options;
  const stranger = Object.entries({
    holdAtLeast,
    maxHold,
    sticky: sticky || undefined,
    untilCommit: untilCommit || undefined,
  }).find(([, value]) => value !== undefined);
  if (stranger !== undefined)
    throw new PgLockUsageError(
      `${stranger[0]} cannot be combined with xact or transaction: such a lock lasts as long as its transaction.`,
    );
}

/** @throws {PgLockUsageError} when it is neither `'throw'` nor `'skip'`. @internal */
export function assertOnContention(value: unknown): asserts value is OnContention {
  if (value !== 'throw' && value !== 'skip')
    throw new PgLockUsageError(`onContention must be 'throw' or 'skip'; got ${printable(value)}.`);
}
