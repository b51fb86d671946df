import { LockTargetError } from '../errors/lock-target.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { namedTable, quotedTable, type LockTarget, type NamedTable } from '../vocabulary/lock-target.js';
import { printable } from '../vocabulary/printable.js';
import { named, registeredTable } from './registered-models.js';

/** Who knows the tables of entity classes: an open transaction of the ORM. @internal */
export interface ModelTables {
  readonly clientName: string;
  tableOf(model: object): NamedTable | undefined;
}

const DRIZZLE_TABLE = Symbol.for('drizzle:OriginalName');
const DRIZZLE_NAME = Symbol.for('drizzle:Name');
const DRIZZLE_VIEW = Symbol.for('drizzle:ViewBaseConfig');
const DRIZZLE_SCHEMA = Symbol.for('drizzle:Schema');

/**
 * The quoted name of what is to be locked. Sends nothing.
 *
 * @param tables who knows entity classes best; without, what their ORMs noted down in the process counts. Drizzle tables and
 * Sequelize models know themselves.
 * @throws {PgLockUsageError} when the target is of another type, or its name is no name.
 * @throws {LockTargetError} when it is a model that names no table.
 * @internal
 */
export function resolveTarget(target: LockTarget, tables?: ModelTables): string {
  return quotedTable(targetTable(target, tables));
}

/** Like {@link resolveTarget}, but the plain name, for comparison with the catalogs. @internal */
export function targetTable(target: LockTarget, tables?: ModelTables): NamedTable {
  return checked(tableOf(target, tables), target);
}

function tableOf(target: LockTarget, tables: ModelTables | undefined): NamedTable {
  if (typeof target === 'string') return namedTable(target);
  if (!isObject(target))
    throw new PgLockUsageError(
      `A lock target must be a table name, { schema?, table }, or a model; got ${printable(target)}.`,
    );
  const found =
    ofDrizzle(target) ??
    ofObjection(target) ??
    ofSequelize(target) ??
    ofPlainObject(target) ??
    tables?.tableOf(target) ??
    registeredTable(target);
  if (found !== undefined) return found;
  throw new LockTargetError(
    `${printable(target)} names no table${tables === undefined ? '' : ` that ${tables.clientName} knows`}: pass an entity class that its ORM knows by now, or the table's name.`,
  );
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** A Drizzle table keeps its names under registered symbols; an alias keeps the table's true name too. */
function ofDrizzle(target: object): NamedTable | undefined {
  const fields = target as Readonly<Record<symbol, unknown>>;
  const view = fields[DRIZZLE_VIEW] as
    { name?: unknown; originalName?: unknown; schema?: unknown } | undefined;
  // The alias of a table has the configuration of a view as well, under the name of the alias.
  if (view !== undefined && fields[DRIZZLE_TABLE] === undefined)
    return named(view.originalName ?? view.name, view.schema);
  return named(fields[DRIZZLE_TABLE] ?? fields[DRIZZLE_NAME], fields[DRIZZLE_SCHEMA]);
}

/** Knex splits the name of a table at its dots. @see https://vincit.github.io/objection.js/api/model/static-properties.html#static-tablename */
function ofObjection(target: object): NamedTable | undefined {
  if (!('isObjectionModelClass' in target)) return undefined;
  const { tableName } = target as { tableName?: unknown };
  return typeof tableName === 'string' ? namedTable(tableName) : undefined;
}

/** `getTableName()` gives a name or, with a schema, an object. @see https://sequelize.org/api/v6/class/src/model.js~model */
function ofSequelize(target: object): NamedTable | undefined {
  const { modelDefinition, getTableName } = target as {
    modelDefinition?: { readonly table?: unknown };
    getTableName?: unknown;
  };
  // Sequelize 7 warns of the method.
  const name: unknown =
    modelDefinition?.table ?? (typeof getTableName === 'function' ? getTableName.call(target) : undefined);
  if (typeof name !== 'object' || name === null) return named(name, undefined);
  const { tableName, schema } = name as { tableName?: unknown; schema?: unknown };
  return named(tableName, schema);
}

function ofPlainObject(target: object): NamedTable | undefined {
  if (!isPlain(target) || !('table' in target)) return undefined;
  const { table, schema } = target as { table: unknown; schema?: unknown };
  if (isName(table) && (schema === undefined || isName(schema))) return named(table, schema);
  throw new PgLockUsageError(
    `A lock target { schema?, table } needs names that are texts and not empty; got schema ${printable(schema)}, table ${printable(table)}.`,
  );
}

function isPlain(target: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(target);
  return prototype === Object.prototype || prototype === null;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0');
}

function checked(name: NamedTable, target: LockTarget): NamedTable {
  const parts = name.schema === undefined ? [name.table] : [name.schema, name.table];
  if (parts.some((part) => part === '' || part.includes('\0')))
    throw new PgLockUsageError(`The target ${printable(target)} has an empty or impossible name.`);
  return name;
}
