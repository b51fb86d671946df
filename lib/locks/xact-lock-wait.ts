import {
  keepAndLimitWaits,
  limitWaits,
  RESTORE_KEPT_WAITS,
  READ_SESSION_STATE,
  restoreWaits,
  type FormerSettingsRow,
  type SessionStateRow,
} from '../sql/settings.js';
import { isQuery } from '../sql/answer.js';
import type { Statement } from '../sql/statement.js';
import { waiting } from '../sql/waiting.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { FindSender } from '../transaction/given-up.js';
import { waitForLocks, type CancelWait } from '../transaction/lock-wait.js';
import { limitBeforeSnapshot, type WaitLimit } from './limit-before-snapshot.js';
import type { OpenTransaction } from '../transaction/open-transaction.js';
import { sqlStateWithin } from '../transaction/sqlstate-within.js';
import { SQLSTATE } from '../vocabulary/sqlstate.js';

/** A lock was not acquired in time; `cause` is the client's error, where there was one. @internal */
export class LockUnavailable extends Error {
  constructor(
    options?: ErrorOptions,
    /** The backend that asked, where it has answered: of several keys it may hold some until its transaction ends. */
    readonly pid?: number,
  ) {
    super('The lock was not acquired in time.', options);
  }
}

/** How long a statement may wait, and what else stops it. @internal */
export interface XactWaitOptions {
  /** Milliseconds above 0; `null` waits indefinitely; left out, the flow's ambient timeout or the session's own. */
  readonly timeoutMs: number | null | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What waiting in a transaction needs from around it. @internal */
export interface XactWaitContext {
  /** The lock timeout of the flow, `undefined` where there is none. */
  ambientLockTimeoutMs(): number | null | undefined;
  /** Cancels a wait of ours, from another connection. */
  readonly cancel: CancelWait;
  /** Finds the `pg` client that sends a wait of ours. */
  readonly findSender: FindSender;
}

/** Waits for locks within a caller's transaction, and leaves its settings as they were. @internal */
export class XactWait {
  readonly #context: XactWaitContext;

  constructor(context: XactWaitContext) {
    this.#context = context;
  }

  /**
   * Runs a statement that never waits.
   *
   * @throws {LockUnavailable} when it fails with SQLSTATE 55P03.
   */
  async once<Row extends object>(transaction: OpenTransaction, statement: Statement): Promise<Row[]> {
    // Where its client does not show the connection, this statement does, so that the end of the transaction can be seen.
    const { mark, ...marked } = waiting(statement);
    const isHidden = transaction.pgClient === undefined;
    const stopLooking = isHidden ? transaction.findSender(mark, this.#context.findSender) : undefined;
    try {
      return await transaction.query<Row>(isHidden ? marked : statement);
    } catch (error) {
      throw contention(error, undefined, 0);
    } finally {
      stopLooking?.();
    }
  }

  /**
   * Runs a statement that waits for locks. Call it within a savepoint: when it throws, only rolling back to that restores
   * the settings.
   *
   * Sends `SELECT set_config('lock_timeout', …, true)` before and after, `SET LOCAL` for the sake of a `LOCK TABLE`, unless the
   * session's own limit is to hold.
   *
   * @throws {LockUnavailable} when a lock was not acquired in time.
   * @throws the reason of `signal` when that aborts while the statement waits.
   */
  async run<Row extends object>(
    transaction: OpenTransaction,
    statement: Statement,
    options: XactWaitOptions,
  ): Promise<Row[]> {
    if (transaction.begins) return this.#beginning(transaction, statement, options);
    const limit = await this.#limit(transaction, statement, options);
    const { timeoutMs, former, pid, around } = limit;
    const startedAt = monotonicMs();
    try {
      const { signal } = options;
      const { cancel, findSender } = this.#context;
      const how = { signal, pid, cancel, findSender, ...(around && { around }) };
      const rows = await waitForLocks<Row>(transaction, statement, how);
      if (former !== undefined) await transaction.query(restoreWaits(former));
      return rows;
    } catch (error) {
      throw contention(error, timeoutMs, monotonicMs() - startedAt);
    }
  }

  /** What begins with its lock has the flow's timeout already, and sends its own along. */
  async #beginning<Row extends object>(
    transaction: OpenTransaction,
    statement: Statement,
    { timeoutMs, signal }: XactWaitOptions,
  ): Promise<Row[]> {
    const { cancel, findSender } = this.#context;
    const around =
      timeoutMs === undefined ? {} : { before: [keepAndLimitWaits(timeoutMs)], after: [RESTORE_KEPT_WAITS] };
    const startedAt = monotonicMs();
    try {
      const how = { signal, pid: undefined, cancel, findSender, around };
      return await waitForLocks<Row>(transaction, statement, how);
    } catch (error) {
      throw contention(error, timeoutMs, monotonicMs() - startedAt);
    }
  }

  async #limit(
    transaction: OpenTransaction,
    { text }: Statement,
    { timeoutMs, signal }: XactWaitOptions,
  ): Promise<WaitLimit> {
    const ambientMs = timeoutMs === undefined ? this.#context.ambientLockTimeoutMs() : undefined;
    if (timeoutMs === undefined && ambientMs === undefined && signal === undefined)
      return { timeoutMs: undefined };
    // A query takes the snapshot itself, before it waits.
    if (!isQuery(text)) {
      const needsPid = signal !== undefined || typeof (timeoutMs ?? ambientMs) !== 'number';
      const limit = await limitBeforeSnapshot(transaction, { timeoutMs, ambientMs, needsPid });
      if (limit !== undefined) return limit;
    }
    if (timeoutMs !== undefined) return limited(transaction, timeoutMs);
    const [state] = await transaction.query<SessionStateRow>(READ_SESSION_STATE);
    // A session of our pool has the ambient timeout already, or one that the caller set since; a foreign one has neither.
    if (ambientMs !== undefined && state?.untouched === true) return limited(transaction, ambientMs);
    return { timeoutMs: undefined, pid: state?.pid };
  }
}

async function limited(transaction: OpenTransaction, timeoutMs: number | null): Promise<WaitLimit> {
  const [former] = await transaction.query<FormerSettingsRow>(limitWaits(timeoutMs));
  return { timeoutMs, former, pid: former?.pid };
}

/** `lock_timeout` says 55P03; over several locks the limit of the whole statement, which is ours, says 57014. */
function contention(error: unknown, timeoutMs: number | null | undefined, elapsedMs: number): unknown {
  const state = sqlStateWithin(error);
  if (state === SQLSTATE.lockNotAvailable) return new LockUnavailable({ cause: error });
  const ours = typeof timeoutMs === 'number' && elapsedMs >= timeoutMs;
  return state === SQLSTATE.queryCanceled && ours ? new LockUnavailable({ cause: error }) : error;
}
