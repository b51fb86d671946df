import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { positiveDurationMs, type Duration } from '../../vocabulary/duration.js';
import { printable } from '../../vocabulary/printable.js';

/** What `POST {path}/api/signal` asks for. @internal */
export interface SignalRequest {
  readonly pid: number;
  /** When the backend started: `backendStartText`, to the microsecond, or `backendStart` as it arrives in JSON. */
  readonly backendStart: string;
  readonly action: 'cancel' | 'terminate';
  /** Terminate what is still there so long after it was cancelled. */
  readonly escalateAfterMs: number | undefined;
}

const FIELDS = ['pid', 'backendStart', 'action', 'escalateAfter'];
const LONGEST_MS = 5 * 60_000;
const LARGEST_PID = 2_147_483_647;

/** @throws {PgLockUsageError} when the body is anything else. @internal */
export function readSignalRequest(body: unknown): SignalRequest {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new PgLockUsageError(
      `The body must be a JSON object with ${FIELDS.join(', ')}; got ${printable(body)}.`,
    );
  const stranger = Object.keys(body).find((name) => !FIELDS.includes(name));
  if (stranger !== undefined)
    throw new PgLockUsageError(`There is no field ${printable(stranger)}. Allowed: ${FIELDS.join(', ')}.`);
  const { pid, backendStart, action, escalateAfter } = body as Record<string, unknown>;
  if (!Number.isInteger(pid) || (pid as number) < 1 || (pid as number) > LARGEST_PID)
    throw new PgLockUsageError(`pid must be the process id of a backend; got ${printable(pid)}.`);
  if (typeof backendStart !== 'string' || Number.isNaN(startMs(backendStart)))
    throw new PgLockUsageError(
      `backendStart must be the instant at which the backend started, as it was shown; got ${printable(backendStart)}.`,
    );
  if (action !== 'cancel' && action !== 'terminate')
    throw new PgLockUsageError(`action must be 'cancel' or 'terminate'; got ${printable(action)}.`);
  return { pid: pid as number, backendStart, action, escalateAfterMs: escalation(action, escalateAfter) };
}

/** The instant to the millisecond, of either spelling: the server's own is in UTC and does not say so. @internal */
export function startMs(text: string): number {
  return Date.parse(isMicroseconds(text) ? `${text.replace(' ', 'T')}Z` : text);
}

/** Whether it is `backendStartText`, which names a session for good. @internal */
export function isMicroseconds(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{6}$/.test(text);
}

function escalation(action: string, value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (action !== 'cancel')
    throw new PgLockUsageError(
      'escalateAfter goes with action: cancel, and terminate what is still there then.',
    );
  const milliseconds = positiveDurationMs(value as Duration, 'escalateAfter');
  if (milliseconds > LONGEST_MS)
    throw new PgLockUsageError(`escalateAfter must be at most five minutes; got ${printable(value)}.`);
  return milliseconds;
}
