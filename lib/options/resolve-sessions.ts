import type { ResolvedSessionsOptions, SessionsOptions } from '../session/session-options.js';
import { durationMs, MAX_SERVER_TIMEOUT_MS } from '../vocabulary/duration.js';
import type { OptionNames, OptionReader } from './option-reader.js';
import { DEFAULTS } from './pg-lock-options.js';

/** What `sessions` may have. @internal */
export const SESSIONS_OPTIONS: OptionNames<SessionsOptions> = [
  'max',
  'heartbeat',
  'lease',
  'connectTimeout',
  'directConnection',
  'trustPooler',
  'allowStandby',
  'lockTableShare',
];

/** Reads `sessions` over the defaults. @throws {PgLockConfigurationError} when a value is not allowed. @internal */
export function resolveSessions(given: OptionReader<SessionsOptions>): ResolvedSessionsOptions {
  const { heartbeatMs, leaseMs } = leaseOf(given);
  if (leaseMs < 2 * heartbeatMs)
    throw given.refuse('lease', `at least twice the heartbeat of ${heartbeatMs} ms`, `${leaseMs} ms`);
  if (leaseMs > MAX_SERVER_TIMEOUT_MS) throw given.refuse('lease', 'at most 24 days', `${leaseMs} ms`);
  const connectTimeoutMs = given.wait('connectTimeout', 1);
  const isShare = (value: unknown): value is number => typeof value === 'number' && value > 0 && value <= 1;
  return Object.freeze({
    max: given.integer('max', 2, 1000) ?? DEFAULTS.sessions.max,
    heartbeatMs,
    leaseMs,
    connectTimeoutMs:
      connectTimeoutMs === undefined ? durationMs(DEFAULTS.sessions.connectTimeout) : connectTimeoutMs,
    trustPooler: given.flag('trustPooler') ?? DEFAULTS.sessions.trustPooler,
    allowStandby: given.flag('allowStandby') ?? DEFAULTS.sessions.allowStandby,
    lockTableShare:
      given.check('lockTableShare', 'a number above 0, at most 1', isShare) ??
      DEFAULTS.sessions.lockTableShare,
  });
}

/** Each follows the other, where only one is given: a heartbeat at 40 % of the lease leaves time for its answer. */
function leaseOf(given: OptionReader<SessionsOptions>): {
  readonly heartbeatMs: number;
  readonly leaseMs: number;
} {
  const heartbeatMs = given.ms('heartbeat', 1);
  const leaseMs = given.ms('lease', 1);
  const { heartbeat, lease } = DEFAULTS.sessions;
  if (heartbeatMs !== undefined)
    return { heartbeatMs, leaseMs: leaseMs ?? Math.max(durationMs(lease), 2 * heartbeatMs) };
  if (leaseMs === undefined) return { heartbeatMs: durationMs(heartbeat), leaseMs: durationMs(lease) };
  return { heartbeatMs: Math.max(1, Math.floor(0.4 * leaseMs)), leaseMs };
}
