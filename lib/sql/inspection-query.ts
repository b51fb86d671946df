import type { NamedTable } from '../vocabulary/lock-target.js';
import { blockedRows } from './blocked-rows.js';
import { BLOCKED_ATTRIBUTES, LOCK_ATTRIBUTES, type AttributeTable } from './inspection-attributes.js';
import { allOf, columnOf, type Predicate } from './inspection-predicate.js';
import type { InspectionScope } from './inspection-rows.js';
import { lockRows } from './lock-rows.js';
import type { Statement } from './statement.js';
import { StatementValues } from './statement-values.js';

/** A column to sort by; rows without a value come last either way. @internal */
export interface Sorting {
  readonly path: string;
  readonly descending: boolean;
}

/** A checked question about locks. @internal */
export interface RowQuery {
  readonly source: 'locks' | 'blocked';
  /** Only these tables, or the advisory locks of `keys`. */
  readonly on: readonly NamedTable[];
  /** Only these advisory locks (`LockKey.text`), or the tables of `on`. */
  readonly keys: readonly string[];
  /** Only these backends. */
  readonly pids: readonly number[] | undefined;
  readonly predicates: readonly Predicate[];
  readonly orderBy: readonly Sorting[];
  readonly limit: number | undefined;
  readonly allDatabases: boolean;
  /** Of blocked locks: those of these backends, with the blockers at the root of the queue. */
  readonly rootsOf?: readonly number[];
  /** In the order in which an operator wants to know: the culprit first. */
  readonly survey?: boolean;
  /** Sessions' locks on their own transaction ids as well, in a survey. */
  readonly ownXacts?: boolean;
}

/** The attributes that a question may name. @internal */
export function attributesOf({ source }: Pick<RowQuery, 'source'>): AttributeTable {
  return source === 'locks' ? LOCK_ATTRIBUTES : BLOCKED_ATTRIBUTES;
}

/** Every path that a listing can show, `advisoryId` among them. @internal */
export function shownAttributes(source: RowQuery['source']): string[] {
  return [...Object.keys(attributesOf({ source })), 'advisoryId', 'advisoryNames'].sort();
}

/** All rows that match. @internal */
export function findRows(query: RowQuery, version: number): Statement {
  const values = new StatementValues();
  const text = `${rowsCte(query, version, values)}
SELECT r.* FROM rows r
WHERE ${matches(query, values)}
${orderAndLimit(query, values)}`;
  return { text, values: values.list };
}

/** The rows that an operator wants to see, the culprit first, each with the `total` of all that match. @internal */
export function surveyRows(query: RowQuery, version: number): Statement {
  const values = new StatementValues();
  const own = query.ownXacts ? '' : ' AND NOT r."ownXact"';
  const usual = `ORDER BY r."urgency", r."waiters" DESC, r."waitDuration" DESC NULLS LAST,
 COALESCE(r."activity.xactDuration", r."activity.duration") DESC NULLS LAST, r."activityId"`;
  const text = `${rowsCte({ ...query, survey: true }, version, values)}
SELECT r.*, pg_catalog.count(*) OVER () AS total FROM rows r
WHERE ${matches(query, values)}${own}
${query.orderBy.length === 0 ? usual : ''}${orderAndLimit(query, values)}`;
  return { text, values: values.list };
}

/** How many rows match; `limit` does not matter. @internal */
export function countRows(query: RowQuery, version: number): Statement {
  const values = new StatementValues();
  const text = `${rowsCte(query, version, values)}
SELECT pg_catalog.count(*) AS count FROM rows r WHERE ${matches(query, values)}`;
  return { text, values: values.list };
}

/** `WITH … rows AS (…)`: all rows, before anything is filtered. @internal */
export function rowsCte(query: RowQuery, version: number, values: StatementValues): string {
  const { allDatabases, rootsOf, survey = false } = query;
  const scope: InspectionScope = { version, allDatabases, survey };
  if (query.source === 'locks') return `WITH ${lockRows(scope)}`;
  return `WITH RECURSIVE ${blockedRows(rootsOf === undefined ? scope : { ...scope, rootsOf }, values)}`;
}

/** The condition that rows must meet. @internal */
export function matches(query: RowQuery, values: StatementValues): string {
  const conditions = [allOf(query.predicates, attributesOf(query), values)];
  if (query.pids !== undefined) conditions.push(`r."activityId" = ANY (${values.add(query.pids, 'int4[]')})`);
  const things = query.on.map((table) => isOn(table, values));
  if (query.keys.length > 0) things.push(`r."advisoryKey" = ANY (${values.add(query.keys, 'text[]')})`);
  if (things.length > 0) conditions.push(`(${things.join(' OR ')})`);
  return conditions.join(' AND ');
}

/** @internal */
export function orderAndLimit(query: RowQuery, values: StatementValues): string {
  const table = attributesOf(query);
  const order = query.orderBy.map(
    ({ path, descending }) => `${columnOf(table, path)} ${descending ? 'DESC' : 'ASC'} NULLS LAST`,
  );
  const limit = query.limit === undefined ? '' : ` LIMIT ${values.add(query.limit, 'int8')}`;
  return `${order.length === 0 ? '' : `ORDER BY ${order.join(', ')}`}${limit}`;
}

/** A table, or one of its partitions: who uses the table waits for those. */
function isOn({ schema, table }: NamedTable, values: StatementValues): string {
  const name = values.add(table, 'text');
  const within = schema === undefined ? undefined : values.add(schema, 'text');
  const own = `r."relName" = ${name}${within === undefined ? '' : ` AND r."relSchema" = ${within}`}`;
  return `(${own} OR (r."relSchema", r."relName") IN (WITH RECURSIVE part(oid) AS (
SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhparent
 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relname = ${name}${within === undefined ? '' : ` AND n.nspname = ${within}`}
UNION SELECT i.inhrelid FROM part JOIN pg_catalog.pg_inherits i ON i.inhparent = part.oid
) SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text FROM part
 JOIN pg_catalog.pg_class c ON c.oid = part.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace))`;
}
