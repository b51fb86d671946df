import { serverTimeoutMs } from '../vocabulary/duration.js';
import { foundIn } from './answer.js';
import { ON_PRIMARY } from './on-primary.js';
import type { Statement } from './statement.js';

/**
 * Above READ COMMITTED a transaction takes its snapshot with the first statement that needs one, be it `SELECT
 * set_config(…)`. `SHOW` and `SET LOCAL` need none, and neither does `LOCK TABLE`: settings that are read and set by them let a
 * transaction see what was written while it waited for the table.
 *
 * @see https://www.postgresql.org/docs/current/transaction-iso.html#XACT-REPEATABLE-READ
 * @internal
 */
export const SHOW_ISOLATION: Statement = { text: `${ON_PRIMARY}SHOW transaction_isolation` };

/** @see https://www.postgresql.org/docs/current/sql-show.html @internal */
export const SHOW_LOCK_TIMEOUT: Statement = { text: `${ON_PRIMARY}SHOW lock_timeout` };

/** @internal */
export const SHOW_STATEMENT_TIMEOUT: Statement = { text: `${ON_PRIMARY}SHOW statement_timeout` };

/** Sets what the session would have without a `SET` of its own. @internal */
export const DEFAULT_LOCK_TIMEOUT: Statement = { text: 'SET LOCAL lock_timeout TO DEFAULT' };

/** The settings that limit a wait. @internal */
export type WaitSetting = 'lock_timeout' | 'statement_timeout';

/** @param value as `SHOW` spells it, or a wait in milliseconds. @see https://www.postgresql.org/docs/current/sql-set.html @internal */
export function setLocal(setting: WaitSetting, value: string | number | null): Statement {
  const written = typeof value === 'string' ? `'${value}'` : serverTimeoutMs(value);
  return { text: `SET LOCAL ${setting} = ${written}` };
}

const TIMEOUT = /^(0|[1-9]\d*(?:us|ms|s|min|h|d))$/i;
const UNITS_MS = { us: 1e-3, ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** What `SHOW` answers for a timeout, as it spells it; undefined where a hook has made something else of it. @internal */
export function shownTimeout(answer: unknown): string | undefined {
  return foundIn(answer, TIMEOUT)?.toLowerCase();
}

/** @param shown as {@link shownTimeout} returns it. @internal */
export function shownMs(shown: string): number {
  const unit = shown.replace(/\d+/, '');
  return Number.parseInt(shown, 10) * (unit in UNITS_MS ? UNITS_MS[unit as keyof typeof UNITS_MS] : 0);
}

/** Whether {@link SHOW_ISOLATION} has answered one of the levels whose snapshot lasts. @internal */
export function keepsSnapshot(answer: unknown): boolean {
  return foundIn(answer, /^(repeatable read|serializable)$/i) !== undefined;
}
