import { LockTargetError } from '../errors/lock-target.error.js';
import { quotedTable, type NamedTable } from '../vocabulary/lock-target.js';
import { printable } from '../vocabulary/printable.js';

/** Of what TypeORM's decorators note down for the whole process. */
interface TypeOrmTable {
  readonly target: unknown;
  readonly name?: string;
  readonly schema?: string;
  readonly type?: string;
}

/** Of a TypeORM `EntitySchema`. */
interface TypeOrmSchema {
  readonly '@instanceof'?: symbol;
  readonly options?: { readonly name?: string; readonly tableName?: string; readonly schema?: string };
}

/** Of MikroORM's metadata; MikroORM 6 calls the table a collection. */
interface MikroOrmMetadata {
  readonly schema?: string;
  readonly tableName?: string;
  readonly collection?: string;
}

/** By their quoted names: a model may be another table in each data source, schema or naming strategy. */
const seen = new WeakMap<object, Map<string, NamedTable>>();

/** Keeps what an open transaction said about a model, for questions that have no transaction. @internal */
export function rememberModel(model: object, table: NamedTable | undefined): NamedTable | undefined {
  if (table === undefined) return undefined;
  const tables = seen.get(model) ?? new Map<string, NamedTable>();
  seen.set(model, tables.set(quotedTable(table), table));
  return table;
}

/**
 * The table of an entity class where no transaction of its ORM is at hand: as one said earlier, or else as TypeORM's
 * decorators or MikroORM's discovery left it in the process. A naming strategy of a TypeORM data source is only known to
 * that. Sends nothing.
 *
 * @throws {LockTargetError} when it was several tables, in as many data sources or schemas.
 * @internal
 */
export function registeredTable(model: object): NamedTable | undefined {
  const [table, ...others] = [...(seen.get(model)?.entries() ?? [])];
  if (table === undefined) return typeOrmTable(model) ?? mikroOrmTable(model);
  if (others.length === 0) return table[1];
  const names = [table, ...others].map(([name]) => name).join(' and ');
  throw new LockTargetError(
    `${printable(model)} is ${names}, in several data sources or schemas: pass a transaction of the one that is meant, or the table's name.`,
  );
}

function typeOrmTable(model: object): NamedTable | undefined {
  const { '@instanceof': kind, options } = model as TypeOrmSchema;
  if (kind === Symbol.for('EntitySchema') && options !== undefined)
    return named(options.tableName ?? defaultName(options.name), options.schema);
  const { typeormMetadataArgsStorage: storage } = globalThis as {
    typeormMetadataArgsStorage?: { readonly tables: readonly TypeOrmTable[] };
  };
  if (typeof model !== 'function' || storage === undefined) return undefined;
  return typeOrmClassTable(model, storage.tables);
}

/** A child of single-table inheritance lives in the table of its parent. */
function typeOrmClassTable(model: unknown, tables: readonly TypeOrmTable[]): NamedTable | undefined {
  if (typeof model !== 'function') return undefined;
  const table = tables.find(({ target }) => target === model);
  if (table?.type === 'entity-child') return typeOrmClassTable(Object.getPrototypeOf(model), tables);
  return table && named(table.name ?? defaultName(model.name), table.schema);
}

/** What TypeORM's `DefaultNamingStrategy` makes of the name of a class. */
function defaultName(name: string | undefined): string | undefined {
  return name
    ?.replaceAll(/([A-Z])([A-Z])([a-z])/g, '$1_$2$3')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

function mikroOrmTable(model: object): NamedTable | undefined {
  const { prototype, meta } = model as {
    prototype?: { readonly __meta?: MikroOrmMetadata };
    meta?: MikroOrmMetadata;
  };
  const found = typeof model === 'function' ? prototype?.__meta : meta;
  return found && named(found.tableName ?? found.collection, found.schema === '*' ? undefined : found.schema);
}

/** A table, where there is a name. @internal */
export function named(table: unknown, schema: unknown): NamedTable | undefined {
  if (typeof table !== 'string') return undefined;
  return typeof schema === 'string' && schema !== '' ? { schema, table } : { table };
}
