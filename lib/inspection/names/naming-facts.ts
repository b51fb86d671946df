/** What is read of a database to tell whose keys its advisory locks have. @internal */
export interface NamingFacts {
  /** The connected database. */
  readonly database: string;
  /** All databases of the server. */
  readonly databases: readonly string[];
  readonly schemas: ReadonlySet<string>;
  readonly extensions: ReadonlySet<string>;
  readonly tables: readonly NamedRelation[];
  /** `hashtext` of what some tools hash: `partition` tables by qualified name, `slot`s, `module`s of Medusa. */
  readonly hashes: readonly HashedName[];
}

/** A table that may belong to a tool. @internal */
export interface NamedRelation {
  readonly schema: string;
  readonly name: string;
  readonly oid: number;
  /** Of tables whose name alone says little: what tells them apart. */
  readonly columns: readonly string[];
}

/** @internal */
export interface HashedName {
  readonly kind: string;
  readonly name: string;
  readonly hash: number;
}

/** Where nothing is known, nothing is certain. @internal */
export const NO_FACTS: NamingFacts = Object.freeze({
  database: '',
  databases: [],
  schemas: new Set<string>(),
  extensions: new Set<string>(),
  tables: [],
  hashes: [],
});
