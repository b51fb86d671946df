import { namingFacts } from '../../sql/inspection-names.js';
import type { AdvisoryKey } from '../../vocabulary/lock-id.js';
import type { Observer } from '../observer.js';
import { repackedTable } from './derived-keys.js';
import { KNOWN_KEYS } from './known-keys.js';
import { NO_FACTS, type HashedName, type NamedRelation, type NamingFacts } from './naming-facts.js';

/** Tables of tools, as LIKE has them. */
const TABLES = [
  ...new Set(
    KNOWN_KEYS.flatMap(({ table }) => (table === undefined ? [] : [table.replaceAll('_', String.raw`\_`)])),
  ),
  '%migration%',
  '%history%',
  'ar\\_internal\\_metadata',
  'queue',
  'job%',
];

/** The modules of Medusa that have migrations. */
const MODULES = (
  'analytics,api_key,auth,cache,caching,cart,currency,customer,event_bus,file,fulfillment,index,inventory,locking,' +
  'notification,order,payment,pricing,product,promotion,region,rbac,sales_channel,settings,stock_location,store,tax,' +
  'translation,user,workflows'
).split(',');

const KEPT_MS = 60_000;

/**
 * What a database has that tells whose keys its advisory locks have: read when a lock without a name is seen, and kept for
 * a minute.
 *
 * @internal
 */
export class Naming {
  #facts: NamingFacts = NO_FACTS;
  #readAt = -Infinity;
  #oids = new Set<number>();

  constructor(private readonly observer: Observer) {}

  /** The facts for keys that nothing else names. */
  async factsFor(keys: readonly AdvisoryKey[]): Promise<NamingFacts> {
    if (keys.length === 0) return this.#facts;
    const oids = keys.map(repackedTable).filter((oid) => oid !== undefined);
    const known = oids.every((oid) => this.#oids.has(oid));
    if (!known || performance.now() - this.#readAt > KEPT_MS) await this.#read(oids);
    return this.#facts;
  }

  async #read(oids: readonly number[]): Promise<void> {
    const rows = await this.observer.query<FactRow>(namingFacts({ tables: TABLES, oids, modules: MODULES }));
    this.#facts = factsOf(rows);
    this.#oids = new Set(oids);
    this.#readAt = performance.now();
  }
}

interface FactRow {
  readonly kind: string;
  readonly name: string;
  readonly schema: string | null;
  readonly value: string | null;
  readonly columns: string | null;
}

function factsOf(rows: readonly FactRow[]): NamingFacts {
  const named = (kind: string) => rows.filter((row) => row.kind === kind);
  const names = (kind: string) => named(kind).map(({ name }) => name);
  const hashed = (kind: string): HashedName[] =>
    named(kind).map(({ name, value }) => ({ kind, name, hash: Number(value) }));
  return {
    database: names('current')[0] ?? '',
    databases: names('database'),
    schemas: new Set(names('schema')),
    extensions: new Set(names('extension')),
    tables: named('table').map(relationOf),
    hashes: ['partition', 'slot', 'module'].flatMap(hashed),
  };
}

function relationOf({ name, schema, value, columns }: FactRow): NamedRelation {
  return { name, schema: schema ?? '', oid: Number(value), columns: columns?.split(',') ?? [] };
}
