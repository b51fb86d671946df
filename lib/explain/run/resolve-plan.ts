import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import type { PgLockConnection } from '../../session/session-options.js';
import { assertOptions } from '../../vocabulary/known-options.js';
import { printable } from '../../vocabulary/printable.js';
import type { ExplainMigrationOptions } from '../explain-options.js';
import type { SqlStatement } from '../split/sql-statement.js';
import { readSqlFile, statementsOf, type NamedSql } from './read-files.js';

/** Options, checked. @internal */
export interface ExplainPlan {
  readonly database: PgLockConnection;
  readonly live: PgLockConnection | null;
  readonly statements: readonly SqlStatement[];
  readonly carryOut: boolean;
  readonly yes: boolean;
}

const KNOWN: readonly (keyof ExplainMigrationOptions)[] = [
  'database',
  'files',
  'sql',
  'live',
  'carryOut',
  'yes',
  'signal',
  'onCarryOut',
];

/** @throws {PgLockUsageError} before anything is sent, when an option means nothing or a file cannot be read. @internal */
export function resolvePlan(options: ExplainMigrationOptions, named: readonly NamedSql[] = []): ExplainPlan {
  assertOptions(options, KNOWN, 'explainMigration');
  assertHooks(options);
  const database = address(options.database, 'database');
  const live = options.live === undefined || options.live === null ? null : address(options.live, 'live');
  const sources = [
    ...texts(options.files, 'files').map(readSqlFile),
    ...texts(options.sql, 'sql').map((text) => ({ name: '<sql>', text })),
    ...named,
  ];
  if (sources.length === 0) throw new PgLockUsageError('explainMigration needs `files` or `sql`.');
  return {
    database,
    live,
    statements: statementsOf(sources),
    carryOut: flag(options.carryOut, 'carryOut'),
    yes: flag(options.yes, 'yes'),
  };
}

function assertHooks({
  signal,
  onCarryOut,
}: {
  readonly signal?: unknown;
  readonly onCarryOut?: unknown;
}): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new PgLockUsageError(`signal must be an AbortSignal; got ${printable(signal)}.`);
  if (onCarryOut !== undefined && typeof onCarryOut !== 'function')
    throw new PgLockUsageError(`onCarryOut must be a function; got ${printable(onCarryOut)}.`);
}

function texts(value: unknown, name: string): readonly string[] {
  if (value === undefined) return [];
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.every((text): text is string => typeof text === 'string' && text !== '')) return list;
  throw new PgLockUsageError(`${name} must be a text or a list of texts; got ${printable(value)}.`);
}

function flag(value: unknown, name: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value ?? false;
  throw new PgLockUsageError(`${name} must be true or false; got ${printable(value)}.`);
}

/** Never shown in a message: there may be a password in it. */
function address(value: unknown, name: string): PgLockConnection {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  const usable =
    typeof value === 'string' && /^(postgres(ql)?:\/\/|socket:)/.test(value) && URL.canParse(value);
  if (!usable)
    throw new PgLockUsageError(
      `${name} must be a URL such as postgres://user@host:5432/name, or the configuration of a pg client.`,
    );
  const url = new URL(value);
  if (url.pathname.length <= 1 && !url.searchParams.has('db') && url.protocol !== 'socket:')
    throw new PgLockUsageError(`${name} names no database: its URL must end in /name.`);
  return value;
}
