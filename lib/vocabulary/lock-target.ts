import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { printable } from './printable.js';

/** A table by its name, for names that hold a dot. @publicApi */
export interface NamedTable {
  /** Its schema. @default whatever `search_path` finds */
  readonly schema?: string | undefined;
  /** Its name, as the catalog has it: unquoted, case counts. */
  readonly table: string;
}

/**
 * A table: its name (`'users'`, `'billing.invoices'`; case counts, quoting is the library's job), `{ schema?, table }`, or
 * what the ORM calls a model: an entity class of TypeORM or MikroORM, a Drizzle table, a Sequelize model.
 *
 * @publicApi
 */
export type LockTarget = string | NamedTable | object | (abstract new (...args: never[]) => unknown);

/** A quoted, possibly qualified name, ready to stand in SQL. @internal */
export function quotedTable({ schema, table }: NamedTable): string {
  return schema === undefined
    ? quoteIdentifier(table)
    : `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}

/** @see https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS @internal */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Reads `'table'` and `'schema.table'`. @throws {PgLockUsageError} for anything else. @internal */
export function namedTable(name: string): NamedTable {
  const parts = name.split('.');
  const [first, second] = parts;
  if (parts.length > 2 || parts.some((part) => part === '' || part.includes('\0')) || first === undefined)
    throw new PgLockUsageError(
      `A table name must be 'table' or 'schema.table'; got ${printable(name)}. Use { schema, table } for names with dots.`,
    );
  return second === undefined ? { table: first } : { schema: first, table: second };
}
