import type { NamedTable } from '../vocabulary/lock-target.js';

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

const seen = new WeakMap<object, NamedTable>();

/** Keeps what an open transaction said about a model, for questions that have no transaction. @internal */
export function rememberModel(model: object, table: NamedTable | undefined): NamedTable | undefined {
  if (table !== undefined) seen.set(model, table);
  return table;
}

/**
 * The table of an entity class where no transaction of its ORM is at hand: as one said earlier, or else as TypeORM's
 * decorators or MikroORM's discovery left it in the process. A naming strategy of a TypeORM data source is only known to
 * that. Sends nothing.
 *
 * @internal
 */
export function registeredTable(model: object): NamedTable | undefined {
  return seen.get(model) ?? typeOrmTable(model) ?? mikroOrmTable(model);
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
