import type { Pool } from 'pg';
import { kind, OptionReader } from './pg-lock.option-reader.js';
import {
  DEFAULTS,
  type AdvisoryDefaults,
  type PgLockModuleExtras,
  type PgLockModuleOptions,
  type PrioritizeDefaults,
  type ResolvedAdvisoryDefaults,
  type ResolvedPgLockOptions,
  type ResolvedPrioritizeDefaults,
  type SavedConfiguration,
} from './pg-lock.options.js';
import type {
  PgLockConnection,
  ResolvedSessionsOptions,
  SessionsOptions,
} from './session/session-options.js';
import type { ResolvedTelemetryOptions, TelemetryOptions } from './telemetry/telemetry-options.js';
import { durationMs, MAX_SERVER_TIMEOUT_MS } from './vocabulary/duration.js';

/**
 * Checks the options of one database and fills in the defaults. Sends no SQL; never prints a connection.
 *
 * @throws {PgLockConfigurationError} when an option is unknown or its value not allowed.
 * @internal
 */
export function resolveOptions(
  options: PgLockModuleOptions & PgLockModuleExtras = {},
): ResolvedPgLockOptions {
  const given = new OptionReader<PgLockModuleOptions & PgLockModuleExtras>(options, '', OPTIONS);
  given.flag('isGlobal');
  const connection = connectionOf(given, 'connection');
  const pool = given.check('pool', 'a pg.Pool', isPool, kind);
  if (connection !== undefined && pool !== undefined)
    throw given.refuse('pool', 'left out where connection is given', 'both');
  const sessions = new OptionReader<SessionsOptions>(options.sessions ?? {}, 'sessions', SESSIONS_OPTIONS);
  return Object.freeze({
    name: nameOf(given),
    connection,
    pool,
    directConnection: connectionOf(sessions, 'directConnection'),
    namespace: given.text('namespace') ?? DEFAULTS.namespace,
    advisory: advisoryOf(options.advisory ?? {}),
    prioritize: prioritizeOf(options.prioritize ?? {}),
    sessions: sessionsOf(sessions),
    httpStatus: given.integer('httpStatus', 400, 599) ?? DEFAULTS.httpStatus,
    attributes: given.check('attributes', 'a list of names', isNames),
    blockingAttributes: given.check('blockingAttributes', 'a list of names', isNames),
    limit: given.integer('limit', 1, Number.MAX_SAFE_INTEGER) ?? DEFAULTS.limit,
    telemetry: telemetryOf(options.telemetry),
    configs: given.check('configs', 'an object of saved configurations', isConfigs) ?? {},
  });
}

type Names<Options> = readonly (keyof Options & string)[];

const OPTIONS: Names<PgLockModuleOptions & PgLockModuleExtras> = [
  'name',
  'isGlobal',
  'connection',
  'pool',
  'namespace',
  'advisory',
  'prioritize',
  'sessions',
  'httpStatus',
  'attributes',
  'blockingAttributes',
  'limit',
  'telemetry',
  'configs',
];
const ADVISORY_OPTIONS: Names<AdvisoryDefaults> = ['timeout', 'onContention', 'holdAtLeast', 'maxHold'];
const PRIORITIZE_OPTIONS: Names<PrioritizeDefaults> = [
  'interval',
  'periodic',
  'timeout',
  'escalate',
  'protect',
  'dryRun',
];
const SESSIONS_OPTIONS: Names<SessionsOptions> = [
  'max',
  'heartbeat',
  'lease',
  'directConnection',
  'trustPooler',
  'lockTableShare',
];

function nameOf(given: OptionReader<PgLockModuleExtras>): string {
  const isName = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';
  return given.check('name', 'a string that is not empty', isName) ?? DEFAULTS.name;
}

function connectionOf<Name extends string>(
  given: OptionReader<{ readonly [Key in Name]?: PgLockConnection | undefined }>,
  name: Name,
): PgLockConnection | undefined {
  const fits = (value: unknown): value is PgLockConnection =>
    (typeof value === 'string' && value !== '') || isObject(value);
  return given.check(name, 'a connection string or the configuration of a pg pool', fits, kind);
}

function advisoryOf(options: AdvisoryDefaults): ResolvedAdvisoryDefaults {
  const given = new OptionReader<AdvisoryDefaults>(options, 'advisory', ADVISORY_OPTIONS);
  return Object.freeze({
    timeoutMs: given.wait('timeout'),
    onContention: given.oneOf('onContention', ['throw', 'skip']),
    holdAtLeastMs: given.ms('holdAtLeast'),
    maxHoldMs: given.ms('maxHold', 1),
  });
}

function prioritizeOf(options: PrioritizeDefaults): ResolvedPrioritizeDefaults {
  const given = new OptionReader<PrioritizeDefaults>(
    { ...DEFAULTS.prioritize, ...options },
    'prioritize',
    PRIORITIZE_OPTIONS,
  );
  return Object.freeze({
    intervalMs: given.ms('interval', 1) ?? 0,
    periodic: given.flag('periodic') ?? DEFAULTS.prioritize.periodic,
    timeoutMs: given.wait('timeout'),
    escalateMs: given.ms('escalate'),
    protect: given.check('protect', 'a where over the blocking activity', isObject),
    dryRun: given.flag('dryRun') ?? DEFAULTS.prioritize.dryRun,
  });
}

function sessionsOf(given: OptionReader<SessionsOptions>): ResolvedSessionsOptions {
  const heartbeatMs = given.ms('heartbeat', 1) ?? durationMs(DEFAULTS.sessions.heartbeat);
  const leaseMs = given.ms('lease', 1) ?? Math.max(durationMs(DEFAULTS.sessions.lease), 2 * heartbeatMs);
  if (leaseMs < 2 * heartbeatMs)
    throw given.refuse('lease', `at least twice the heartbeat of ${heartbeatMs} ms`, `${leaseMs} ms`);
  if (leaseMs > MAX_SERVER_TIMEOUT_MS) throw given.refuse('lease', 'at most 24 days', `${leaseMs} ms`);
  const isShare = (value: unknown): value is number => typeof value === 'number' && value > 0 && value <= 1;
  return Object.freeze({
    max: given.integer('max', 2, 1000) ?? DEFAULTS.sessions.max,
    heartbeatMs,
    leaseMs,
    trustPooler: given.flag('trustPooler') ?? DEFAULTS.sessions.trustPooler,
    lockTableShare:
      given.check('lockTableShare', 'a number above 0, at most 1', isShare) ??
      DEFAULTS.sessions.lockTableShare,
  });
}

function telemetryOf(
  options: boolean | TelemetryOptions = DEFAULTS.telemetry,
): ResolvedTelemetryOptions | undefined {
  if (options === false) return undefined;
  const values = options === true ? {} : options;
  const given = new OptionReader<TelemetryOptions>(values, 'telemetry', ['api', 'metrics', 'traces']);
  return Object.freeze({
    api: given.check('api', 'the namespace of @opentelemetry/api', isTelemetryApi, kind),
    metrics: given.flag('metrics') ?? true,
    traces: given.flag('traces') ?? true,
  });
}

function isTelemetryApi(value: unknown): value is NonNullable<TelemetryOptions['api']> {
  return isObject(value) && 'metrics' in value && 'trace' in value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isPool(value: unknown): value is Pool {
  return isObject(value) && 'connect' in value && typeof value.connect === 'function' && 'options' in value;
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '');
}

function isConfigs(value: unknown): value is Readonly<Record<string, SavedConfiguration>> {
  return isObject(value) && Object.values(value).every(isObject);
}
