import type { Pool } from 'pg';
import { resolveNames, type ResolvedNames } from '../inspection/names/resolve-names.js';
import { checkSaved } from '../inspection/resolve-query.js';
import type { ResolvedAdvisoryDefaults } from '../locks/resolve-advisory-options.js';
import type { HandlersOptions, ResolvedHandlersOptions, TrustedCaller } from './handlers-options.js';
import { kind, OptionReader, type OptionNames as Names } from './option-reader.js';
import {
  DEFAULTS,
  type AdvisoryDefaults,
  type PgLockModuleExtras,
  type PgLockModuleOptions,
  type PrioritizeDefaults,
  type ResolvedPgLockOptions,
  type ResolvedShutdownOptions,
  type SavedConfiguration,
  type ShutdownOptions,
} from './pg-lock-options.js';
import { JOBS_OPTIONS, resolveJobs } from './resolve-jobs.js';
import { resolveSessions, SESSIONS_OPTIONS } from './resolve-sessions.js';
import { sparedBy, type ResolvedPrioritizeDefaults } from '../prioritize/resolve-prioritize-options.js';
import type { PgLockConnection, SessionsOptions } from '../session/session-options.js';
import { listedAttributes } from '../inspection/listed-attributes.js';
import type { ResolvedTelemetryOptions, TelemetryOptions } from '../telemetry/telemetry-options.js';
import { durationMs } from '../vocabulary/duration.js';

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
  const sessions = given.nested<SessionsOptions>('sessions', SESSIONS_OPTIONS);
  const advisory = given.nested<AdvisoryDefaults>('advisory', ADVISORY_OPTIONS);
  const namespace = given.text('namespace') ?? DEFAULTS.namespace;
  const limit = given.integer('limit', 1, Number.MAX_SAFE_INTEGER);
  return Object.freeze({
    name: nameOf(given),
    connection,
    pool,
    directConnection: connectionOf(sessions, 'directConnection'),
    namespace,
    advisory: advisoryOf(advisory),
    selfWaitMs: selfWaitOf(advisory),
    shutdown: shutdownOf(given.nested('shutdown', ['timeout'])),
    prioritize: prioritizeOf(given.nested('prioritize', PRIORITIZE_OPTIONS)),
    sessions: resolveSessions(sessions),
    httpStatus:
      options.httpStatus === null ? null : (given.integer('httpStatus', 400, 599) ?? DEFAULTS.httpStatus),
    handlers: handlersOf(given.nested('handlers', ['trust'])),
    attributes: attributesOf(given, 'attributes', listedAttributes('locks')),
    blockingAttributes: attributesOf(given, 'blockingAttributes', listedAttributes('blocked')),
    limit: limit ?? DEFAULTS.limit,
    findLimit: limit,
    telemetry: telemetryOf(options.telemetry),
    jobs: resolveJobs(given.nested('jobs', JOBS_OPTIONS)),
    names: namesOf(given, options.names),
    configs: configsOf(given, namespace),
  });
}

/** The names of all options of the module. @internal */
export const OPTIONS: Names<PgLockModuleOptions & PgLockModuleExtras> = [
  'name',
  'isGlobal',
  'connection',
  'pool',
  'namespace',
  'advisory',
  'prioritize',
  'sessions',
  'shutdown',
  'httpStatus',
  'handlers',
  'attributes',
  'blockingAttributes',
  'limit',
  'telemetry',
  'jobs',
  'names',
  'configs',
];
const ADVISORY_OPTIONS: Names<AdvisoryDefaults> = [
  'timeout',
  'onContention',
  'holdAtLeast',
  'maxHold',
  'reentrant',
  'selfWait',
];
const PRIORITIZE_OPTIONS: Names<PrioritizeDefaults> = [
  'interval',
  'periodic',
  'timeout',
  'escalate',
  'protect',
  'dryRun',
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
    isObject(value) || (typeof value === 'string' && isConnectionString(value));
  const allowed = "a connection string ('postgres://…') or the configuration of a pg pool";
  return given.check(name, allowed, fits, kind);
}

/** What `pg` takes for one: of any other text it makes the name of a database on a host that is not there. */
function isConnectionString(text: string): boolean {
  if (text.startsWith('/')) return true; // the folder of a socket
  return /^(postgres(ql)?|socket):/i.test(text) && URL.canParse(text.replace('@/', '@host/'));
}

function advisoryOf(given: OptionReader<AdvisoryDefaults>): ResolvedAdvisoryDefaults {
  return Object.freeze({
    timeoutMs: given.wait('timeout'),
    onContention: given.oneOf('onContention', ['throw', 'skip']),
    holdAtLeastMs: given.ms('holdAtLeast'),
    maxHoldMs: given.ms('maxHold', 1),
    reentrant: given.flag('reentrant') ?? DEFAULTS.advisory.reentrant,
  });
}

function selfWaitOf(given: OptionReader<AdvisoryDefaults>): number | null {
  const selfWaitMs = given.wait('selfWait', 1);
  return selfWaitMs === undefined ? durationMs(DEFAULTS.advisory.selfWait) : selfWaitMs;
}

function shutdownOf(given: OptionReader<ShutdownOptions>): ResolvedShutdownOptions {
  return Object.freeze({ timeoutMs: given.ms('timeout') ?? durationMs(DEFAULTS.shutdown.timeout) });
}

function prioritizeOf(given: OptionReader<PrioritizeDefaults>): ResolvedPrioritizeDefaults {
  const protect = given.check('protect', 'a where over the blocking activity', isObject);
  given.understand('protect', () => sparedBy(protect));
  return Object.freeze({
    intervalMs: given.ms('interval', 1) ?? durationMs(DEFAULTS.prioritize.interval),
    periodic: given.flag('periodic') ?? DEFAULTS.prioritize.periodic,
    timeoutMs: given.wait('timeout', 1),
    escalateMs: given.ms('escalate', 1),
    protect,
    dryRun: given.flag('dryRun') ?? DEFAULTS.prioritize.dryRun,
  });
}

function handlersOf(given: OptionReader<HandlersOptions>): ResolvedHandlersOptions {
  const isCaller = (value: unknown): boolean =>
    typeof value === 'symbol' || typeof value === 'function' || (typeof value === 'string' && value !== '');
  const fits = (value: unknown): value is readonly TrustedCaller[] =>
    Array.isArray(value) && value.every(isCaller);
  const allowed = "a list of metadata keys, classes, or texts such as 'Class.method'";
  return Object.freeze({ trust: given.check('trust', allowed, fits) ?? [] });
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

function namesOf(
  given: OptionReader<PgLockModuleOptions>,
  names: PgLockModuleOptions['names'],
): ResolvedNames {
  return given.understand('names', () => resolveNames(names));
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

function attributesOf<Name extends 'attributes' | 'blockingAttributes'>(
  given: OptionReader<{ readonly [Key in Name]?: readonly string[] | undefined }>,
  name: Name,
  known: readonly string[],
): readonly string[] | undefined {
  const fits = (value: unknown): value is readonly string[] =>
    Array.isArray(value) && value.every((path: unknown) => known.includes(path as string));
  return given.check(name, `a list of names out of ${known.join(', ')}`, fits);
}

function configsOf(
  given: OptionReader<Pick<PgLockModuleOptions, 'configs'>>,
  namespace: string,
): Readonly<Record<string, SavedConfiguration>> {
  const configs = given.check('configs', 'an object of saved configurations', isConfigs) ?? {};
  for (const name of Object.keys(configs))
    given.understand(`configs.${name}`, () => checkSaved(name, configs, namespace));
  return configs;
}

function isConfigs(value: unknown): value is Readonly<Record<string, SavedConfiguration>> {
  return isObject(value) && Object.values(value).every(isObject);
}
