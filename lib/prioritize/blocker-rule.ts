import type { BlockedPgLockWhere } from '../inspection/lock-where.js';
import type { BlockedPgLock } from '../inspection/pg-lock.js';
import { predicatesOf } from '../inspection/where.js';
import { BLOCKED_ATTRIBUTES } from '../sql/inspection-attributes.js';
import type { SignalAction } from '../vocabulary/signal.js';

const MARK = Symbol.for('nestjs-pglock:blocker-rule');

/** What happens to the blockers of prioritized work: made by {@link terminate} and {@link cancel}. @publicApi */
export class BlockerRule {
  /** @internal */
  readonly [MARK] = true;

  /** `instanceof` also knows the rules of another copy of the library in the process. @internal */
  static [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && MARK in value;
  }

  /** @internal */
  constructor(
    /** Which signal blockers get. */
    readonly action: SignalAction,
    /** Which blockers; all, when left out. */
    readonly where: BlockedPgLockWhere | undefined,
  ) {
    // What is wrong is said where it was written, rather than when something is blocked.
    predicatesOf(where, BLOCKED_ATTRIBUTES);
    Object.freeze(this);
  }
}

/**
 * Decides in the application what to do about blockers. Called with each awaited lock and each of its root blockers; returns the
 * pids to terminate. Those that still block are terminated, guarded against reuse of the pid. Returns nothing if it has dealt with
 * the blockers itself.
 *
 * @publicApi
 */
export type OnBlockedFunction = (
  blocked: readonly BlockedPgLock[],
  // eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a function that returns nothing is welcome
) => readonly number[] | undefined | void | Promise<readonly number[] | undefined | void>;

/** What happens to the blockers of prioritized work. @publicApi */
export type OnBlocked = BlockerRule | OnBlockedFunction;

/**
 * Ends the sessions that block prioritized work, with their transactions and all their locks.
 *
 * Sends `SELECT pg_catalog.pg_terminate_backend(pid)` for each, in the statement that finds them.
 *
 * @param where which blockers, and of which locks; all when left out.
 * @example onBlocked: terminate({ blockingActivity: { duration: { gte: '5s' } } })
 * @throws {PgLockUsageError} when an attribute, an operator or a value is unknown.
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
 * @publicApi
 */
export function terminate(where?: BlockedPgLockWhere): BlockerRule {
  return new BlockerRule('terminate', where);
}

/**
 * Cancels the running statements of sessions that block prioritized work. An idle transaction has none, and still
 * blocks: add `escalate` to terminate it after a while.
 *
 * Sends `SELECT pg_catalog.pg_cancel_backend(pid)` for each, in the statement that finds them.
 *
 * @param where which blockers, and of which locks; all when left out.
 * @throws {PgLockUsageError} when an attribute, an operator or a value is unknown.
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
 * @publicApi
 */
export function cancel(where?: BlockedPgLockWhere): BlockerRule {
  return new BlockerRule('cancel', where);
}
