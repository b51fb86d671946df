import { GRACE_MS, type FormerSettings } from '../sql/settings.js';
import {
  DEFAULT_LOCK_TIMEOUT,
  keepsSnapshot,
  setLocal,
  SHOW_ISOLATION,
  SHOW_LOCK_TIMEOUT,
  SHOW_STATEMENT_TIMEOUT,
  shownMs,
  shownTimeout,
} from '../sql/settings-without-snapshot.js';
import type { Statement } from '../sql/statement.js';
import type { OpenTransaction, StatementsAround } from '../transaction/open-transaction.js';
import { serverTimeoutMs } from '../vocabulary/duration.js';

/** What limits a wait. @internal */
export interface WaitLimit {
  /** In milliseconds; undefined where the session's own limit holds. */
  readonly timeoutMs: number | null | undefined;
  /** What is to be given back. */
  readonly former?: FormerSettings | undefined;
  /** The backend that waits, where it is known. */
  readonly pid?: number | undefined;
  /** What goes with the statement that waits. */
  readonly around?: StatementsAround;
}

/** What is wanted of a wait. @internal */
export interface WantedLimit {
  readonly timeoutMs: number | null | undefined;
  /** That of the flow, where the session does not have one of its own. */
  readonly ambientMs: number | null | undefined;
  /** Whether the wait may have to be cancelled by the pid of its backend. */
  readonly needsPid: boolean;
}

interface Shown {
  readonly lock: string;
  readonly statement: string;
}

/**
 * Limits a wait for tables so that the `LOCK TABLE` is the first statement that may take a snapshot: reads by `SHOW`, in one
 * write where that can be, and has `SET LOCAL` go with the statement. Call it within a savepoint.
 *
 * @returns undefined where a query does as well, under READ COMMITTED, or has to, since answers do not come through.
 * @internal
 */
export async function limitBeforeSnapshot(
  transaction: OpenTransaction,
  { timeoutMs, ambientMs, needsPid }: WantedLimit,
): Promise<WaitLimit | undefined> {
  if (timeoutMs === undefined && ambientMs === undefined)
    return keepsSnapshot(await transaction.show(SHOW_ISOLATION)) ? { timeoutMs } : undefined;
  const together = needsPid ? undefined : await showTogether(transaction);
  const shown = together ?? (await showInTurn(transaction));
  if (shown === undefined) return undefined;
  const limited = (limitMs: number | null): WaitLimit => limitedWait(limitMs, shown, together !== undefined);
  if (timeoutMs !== undefined) return limited(timeoutMs);
  const { lock } = shown;
  // A session of our pool has the flow's timeout already, or one that the caller set since; a foreign one has neither.
  if (ambientMs === undefined || shownMs(lock) === serverTimeoutMs(ambientMs)) return { timeoutMs };
  return lock === (await initialTimeout(transaction))
    ? limited(ambientMs)
    : { timeoutMs, around: { before: [setLocal('lock_timeout', lock)] } };
}

/** @param together whether what gives the settings back costs nothing in the same write; else one query does it. */
function limitedWait(timeoutMs: number | null, { lock, statement }: Shown, together: boolean): WaitLimit {
  const before = limits(timeoutMs, shownMs(statement));
  if (!together)
    return { timeoutMs, former: { locktimeout: lock, statementtimeout: statement }, around: { before } };
  const after = [setLocal('lock_timeout', lock)];
  if (before.length > after.length) after.push(setLocal('statement_timeout', statement));
  return { timeoutMs, around: { before, after } };
}

/** A shorter `statement_timeout` of the caller's stays. */
function limits(timeoutMs: number | null, statementMs: number): readonly Statement[] {
  const lock = setLocal('lock_timeout', timeoutMs);
  if (timeoutMs === null) return [lock];
  const totalMs = serverTimeoutMs(timeoutMs + GRACE_MS);
  return statementMs === 0 || statementMs > totalMs ? [lock, setLocal('statement_timeout', totalMs)] : [lock];
}

async function showTogether(transaction: OpenTransaction): Promise<Shown | undefined> {
  const answers = await transaction.together([SHOW_LOCK_TIMEOUT, SHOW_STATEMENT_TIMEOUT]);
  return answers && readable(answers[0], answers[1]);
}

/** A round trip each: none is made that a query would save. */
async function showInTurn(transaction: OpenTransaction): Promise<Shown | undefined> {
  if (!keepsSnapshot(await transaction.show(SHOW_ISOLATION))) return undefined;
  const lock = await transaction.show(SHOW_LOCK_TIMEOUT);
  return readable(lock, await transaction.show(SHOW_STATEMENT_TIMEOUT));
}

function readable(lockAnswer: unknown, statementAnswer: unknown): Shown | undefined {
  const [lock, statement] = [shownTimeout(lockAnswer), shownTimeout(statementAnswer)];
  return lock === undefined || statement === undefined ? undefined : { lock, statement };
}

/** The `lock_timeout` of the session without a `SET`, which it has from now on. */
async function initialTimeout(transaction: OpenTransaction): Promise<string | undefined> {
  const answers = await transaction.together([DEFAULT_LOCK_TIMEOUT, SHOW_LOCK_TIMEOUT]);
  if (answers !== undefined) return shownTimeout(answers[1]);
  await transaction.query(DEFAULT_LOCK_TIMEOUT);
  return shownTimeout(await transaction.show(SHOW_LOCK_TIMEOUT));
}
