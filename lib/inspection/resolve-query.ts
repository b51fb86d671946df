import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { attributesOf, type RowQuery } from '../sql/inspection-query.js';
import { lockKey } from '../vocabulary/lock-id.js';
import type { LockTarget, NamedTable } from '../vocabulary/lock-target.js';
import { definedOnly } from '../vocabulary/known-options.js';
import { printable } from '../vocabulary/printable.js';
import { filterPredicates } from './filter-text.js';
import type { LockQuery } from './lock-query.js';
import { sortingsOf } from './order-by.js';
import { predicatesOf } from './where.js';

/** What questions are understood by: of one database of the module. @internal */
export interface QueryVocabulary {
  readonly namespace: string;
  /** The table that a target means. @throws {PgLockUsageError} when it means none. */
  readonly tableOf: (target: LockTarget) => NamedTable;
  /** Saved questions, by name. */
  readonly configs: Readonly<Record<string, object>>;
}

const KEYS = ['on', 'ids', 'pids', 'where', 'filters', 'orderBy', 'limit', 'config', 'allDatabases'];
/** What a saved configuration may say beside a question: it is for the command line as well. */
const COMMAND_KEYS = [
  'blocking',
  'attributes',
  'expanded',
  'cancel',
  'terminate',
  'yes',
  'dryRun',
  'json',
  'database',
];
const SIGNAL_KEYS = ['sessions', 'dryRun'];

/**
 * Checks a question, and puts it into the form that becomes SQL. Sends nothing.
 *
 * @throws {PgLockUsageError} when anything in it is unknown or out of range; the message lists what exists.
 * @internal
 */
export function resolveQuery(
  source: RowQuery['source'],
  given: LockQuery<object> | undefined = {},
  vocabulary: QueryVocabulary,
): RowQuery {
  const query = withConfiguration(given, vocabulary.configs);
  const table = attributesOf({ source });
  const filters = listOf('filters', query.filters).flatMap((text) =>
    filterPredicates(text, table, vocabulary.namespace),
  );
  return {
    source,
    on: targetsOf(query.on).map(vocabulary.tableOf),
    keys: filledListOf('ids', query.ids).map((id) => lockKey(id, vocabulary.namespace).text),
    pids: query.pids === undefined ? undefined : listOf('pids', query.pids).map(pidOf),
    predicates: [...predicatesOf(query.where, table, vocabulary.namespace), ...filters],
    orderBy: sortingsOf(query.orderBy, table),
    limit: query.limit === undefined ? undefined : limitOf(query.limit),
    allDatabases: query.allDatabases ?? false,
  };
}

/**
 * Checks a saved configuration as far as can be told before it is used: its models may be registered later.
 *
 * @throws {PgLockUsageError} when anything in it is unknown or out of range; the message lists what exists.
 * @internal
 */
export function checkSaved(name: string, configs: QueryVocabulary['configs'], namespace: string): void {
  resolveQuery('blocked', { config: name }, { namespace, configs, tableOf: () => ({ table: '' }) });
}

/** Whether a question picks out some locks, rather than meaning all there are. @internal */
export function isNarrow(query: RowQuery): boolean {
  return (
    query.on.length > 0 || query.keys.length > 0 || query.pids !== undefined || query.predicates.length > 0
  );
}

/** @throws {PgLockUsageError} when the limit is no whole number of at least 1. @internal */
export function limitOf(limit: unknown): number {
  if (Number.isSafeInteger(limit) && (limit as number) >= 1) return limit as number;
  throw new PgLockUsageError(`limit must be a whole number of at least 1; got ${printable(limit)}.`);
}

function withConfiguration(given: LockQuery<object>, configs: QueryVocabulary['configs']): LockQuery<object> {
  known(given, [...KEYS, ...SIGNAL_KEYS], 'a question about locks');
  if (given.config === undefined) return given;
  if (typeof given.config !== 'string' || !Object.hasOwn(configs, given.config)) {
    const names = Object.keys(configs).map((name) => printable(name));
    throw new PgLockUsageError(
      `There is no configuration ${printable(given.config)}. ${names.length === 0 ? 'None is saved (option `configs`).' : `There are: ${names.join(', ')}.`}`,
    );
  }
  const saved = configs[given.config] as LockQuery<object>;
  known(saved, [...KEYS, ...COMMAND_KEYS], `the configuration ${printable(given.config)}`);
  return { ...saved, ...definedOnly(given) };
}

function known(query: unknown, keys: readonly string[], what: string): void {
  if (typeof query !== 'object' || query === null || Array.isArray(query))
    throw new PgLockUsageError(`What is given as ${what} must be an object; got ${printable(query)}.`);
  const stranger = Object.keys(query).find((key) => !keys.includes(key));
  if (stranger === undefined) return;
  throw new PgLockUsageError(
    `${printable(stranger)} means nothing in ${what}. There are: ${keys.join(', ')}.`,
  );
}

function listOf<T>(name: string, value: readonly T[] | undefined): readonly T[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return Array.from(value as readonly T[]); // a hole would be passed over, and be no SQL
  throw new PgLockUsageError(`${name} must be an array; got ${printable(value)}.`);
}

/** An empty list picks out nothing, while to leave it out means everything: what is meant has to be said. */
function filledListOf<T>(name: string, value: readonly T[] | undefined): readonly T[] {
  const list = listOf(name, value);
  if (value === undefined || list.length > 0) return list;
  throw new PgLockUsageError(`${name} must not be empty: leave it out to ask about all.`);
}

function targetsOf(on: LockQuery['on']): readonly LockTarget[] {
  if (on === undefined) return [];
  return Array.isArray(on) ? filledListOf('on', on as readonly LockTarget[]) : [on];
}

function pidOf(pid: unknown): number {
  if (Number.isInteger(pid) && (pid as number) >= 0 && (pid as number) < 2 ** 31) return pid as number;
  throw new PgLockUsageError(`pids must be process ids of PostgreSQL backends; got ${printable(pid)}.`);
}
