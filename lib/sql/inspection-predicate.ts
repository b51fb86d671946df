import type { AttributeKind, AttributeTable } from './inspection-attributes.js';
import type { StatementValues } from './statement-values.js';

/** The comparisons that SQL and a where have in common. @internal */
export type Comparison = 'eq' | 'gt' | 'gte' | 'lt' | 'lte' | 'like';

/** A checked part of a where: paths are known, values have the form that their kind has in SQL. @internal */
export type Predicate =
  | { readonly op: Comparison; readonly path: string; readonly value: unknown }
  | { readonly op: 'in'; readonly path: string; readonly values: readonly unknown[] }
  | { readonly op: 'isNull'; readonly path: string; readonly value: boolean }
  | { readonly op: 'not'; readonly of: readonly Predicate[] };

const OPERATORS: Readonly<Record<Comparison, string>> = {
  eq: '=',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  like: 'LIKE',
};

const TYPES = {
  integer: 'float8',
  text: 'text',
  boolean: 'bool',
  duration: 'float8',
  timestamp: 'float8',
  key: 'text',
} as const satisfies Record<AttributeKind, string>;

const LIST_TYPES = {
  integer: 'float8[]',
  text: 'text[]',
  boolean: 'bool[]',
  duration: 'float8[]',
  timestamp: 'float8[]',
  key: 'text[]',
} as const satisfies Record<AttributeKind, string>;

/** The column of an attribute in the rows that a question is asked about. @internal */
export function columnOf(table: AttributeTable, path: string, alias = 'r'): string {
  if (!Object.hasOwn(table, path)) throw new Error(`Unknown attribute ${JSON.stringify(path)}`);
  return `${alias}."${path}"`;
}

/** All predicates as one SQL condition; `TRUE` for none. Every value becomes a parameter. @internal */
export function allOf(
  predicates: readonly Predicate[],
  table: AttributeTable,
  values: StatementValues,
): string {
  if (predicates.length === 0) return 'TRUE';
  return predicates.map((predicate) => conditionOf(predicate, table, values)).join(' AND ');
}

function conditionOf(predicate: Predicate, table: AttributeTable, values: StatementValues): string {
  // "Not" is everything else, rows without a value included.
  if (predicate.op === 'not') return `(${allOf(predicate.of, table, values)}) IS NOT TRUE`;
  const column = columnOf(table, predicate.path);
  const kind = table[predicate.path] as AttributeKind;
  if (predicate.op === 'isNull') return `${column} IS ${predicate.value ? '' : 'NOT '}NULL`;
  if (predicate.op === 'in') return `${column} = ANY (${values.add(predicate.values, LIST_TYPES[kind])})`;
  return `${column} ${OPERATORS[predicate.op]} ${values.add(predicate.value, TYPES[kind])}`;
}
