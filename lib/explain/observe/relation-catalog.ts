import type { CatalogRelation } from '../../sql/explain-look.js';
import { kindOf, qualified } from './relation-names.js';

/** What is known of a relation. @internal */
export interface KnownRelation {
  readonly oid: number;
  readonly relation: string;
  readonly kind: string;
  readonly filenode: number | null;
  /** Of an index, its table. */
  readonly table: number | null;
  readonly temporary: boolean;
  readonly isDefault: boolean;
  /** Of a partitioned table: `RANGE (id)`. */
  readonly partitionKey: string | null;
  readonly foreignKeys: CatalogRelation['foreignKeys'];
}

/** What a row of the catalog says; undefined for what is gone. @internal */
export function knownRelation({
  oid,
  schema,
  name,
  kind,
  filenode,
  table,
  temporary,
  isDefault,
  partitionKey,
  foreignKeys,
}: CatalogRelation): KnownRelation | undefined {
  if (schema === null || name === null || kind === null) return undefined;
  return {
    oid,
    relation: qualified(schema, name),
    kind: kindOf(kind),
    filenode,
    table,
    temporary,
    isDefault,
    partitionKey,
    foreignKeys,
  };
}

/** The relations that are committed, by oid. Shared by all sessions of a run. @internal */
export class RelationCatalog {
  #relations = new Map<number, KnownRelation>();

  constructor(rows: readonly CatalogRelation[] = []) {
    this.replace(rows);
  }

  replace(rows: readonly CatalogRelation[]): void {
    this.#relations = new Map(
      rows.map(knownRelation).flatMap((known) => (known === undefined ? [] : [[known.oid, known] as const])),
    );
  }

  get(oid: number): KnownRelation | undefined {
    return this.#relations.get(oid);
  }

  [Symbol.iterator](): Iterator<KnownRelation> {
    return this.#relations.values();
  }

  set(known: KnownRelation): void {
    this.#relations.set(known.oid, known);
  }

  delete(oid: number): void {
    this.#relations.delete(oid);
  }
}
