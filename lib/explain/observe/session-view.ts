import type { Look, LookedRelation } from '../../sql/explain-look.js';
import type { LockMode } from '../../vocabulary/lock-mode.js';
import type { ExplainedLock } from '../report.js';
import { blockedBy, isStronger, modeFromCatalog, strongestOf } from './lock-strength.js';
import { knownRelation, type KnownRelation, type RelationCatalog } from './relation-catalog.js';

/** What one statement was seen to do. @internal */
export interface Observation {
  readonly locks: readonly ExplainedLock[];
  readonly heldBefore: readonly ExplainedLock[];
  readonly rewrites: readonly string[];
  readonly scans: readonly string[];
  /** Of the locked relations, those that are default partitions, and still are there. */
  readonly defaultPartitions?: readonly string[];
  /** Of the relations that are held, those that are partitioned, and by what: `RANGE (id)`. */
  readonly partitionKeys?: ReadonlyMap<string, string>;
  /** The foreign keys that the relations that are held had before. */
  readonly foreignKeys?: readonly ForeignKey[];
}

/** @internal */
export interface ForeignKey {
  readonly table: string;
  /** Quoted where SQL would need it. */
  readonly name: string;
  /** The table that it refers to. */
  readonly references: string;
  readonly columns: readonly string[];
  /** Those that it refers to, and the constraint of that table that makes them unique; an index may do without one. */
  readonly referenced: readonly string[];
  readonly key: string | null;
}

/** @internal */
export const NOTHING_SEEN: Observation = { locks: [], heldBefore: [], rewrites: [], scans: [] };

interface Held {
  readonly known: KnownRelation;
  readonly mode: LockMode;
}

const WITH_ROWS: ReadonlySet<string> = new Set(['table', 'materialized view', 'partitioned table']);

/**
 * One session and its transaction, seen through looks: each is compared with the one before, so that what changed is the
 * work of the statement in between.
 *
 * States: *outside* of a transaction, where nothing is held; *inside*, from `begin` to `end`.
 *
 * @internal
 */
export class SessionView {
  readonly #catalog: RelationCatalog;
  #held = new Map<number, Held>();
  #scans = new Map<number, number>();
  /** What the transaction has changed or made: undefined for what it has dropped. */
  #changed = new Map<number, KnownRelation | undefined>();
  /** Held by what counts as committed already. */
  #settled = new Set<number>();
  #settledChanges = new Map<number, KnownRelation | undefined>();

  constructor(catalog: RelationCatalog) {
    this.#catalog = catalog;
  }

  /** A transaction begins; `before` has the scans of what ran before it. */
  begin(before?: Look): void {
    this.#held = new Map();
    this.#changed = new Map();
    this.#settled = new Set();
    this.#settledChanges = new Map();
    if (before !== undefined) this.#scans = new Map(before.scans);
  }

  /** Takes what was not watched as done, so that the next statement is not made answerable for it. */
  catchUp(look: Look): void {
    this.observe(look);
  }

  /** What was held so far counts as committed, though it is held on. @returns whether there is any such lock. */
  settle(): boolean {
    this.#settled = new Set(this.#held.keys());
    this.#settledChanges = new Map(this.#changed);
    return this.#settled.size > 0;
  }

  /** What was done since {@link settle} is undone; the next look shows what is held on. */
  takeBack(): void {
    this.#changed = new Map(this.#settledChanges);
  }

  /** Locks of the transaction so far. */
  get held(): readonly ExplainedLock[] {
    if (this.#held.size === 0) return NOTHING_SEEN.heldBefore;
    const held = [...this.#held.entries()].filter(([oid]) => !this.#settled.has(oid));
    return withoutTwins(held.map(([, one]) => this.#lock(one)));
  }

  /** What the statement since the last look did. */
  observe(look: Look): Observation {
    this.#forgetUndone(look);
    const heldBefore = this.held;
    const held = this.#heldIn(look);
    const locks = [...held.values()].filter(({ known, mode }) =>
      isStronger(mode, this.#held.get(known.oid)?.mode),
    );
    const seen = { locks: withoutTwins(locks.map((one) => this.#lock(one))).sort(byStrength), heldBefore };
    const gone = new Set(look.locked.flatMap(({ oid, name }) => (name === null ? [oid] : [])));
    const defaultPartitions = locks.flatMap(({ known: { oid, isDefault, relation } }) =>
      isDefault && !gone.has(oid) ? [relation] : [],
    );
    const known = [...held.values()].map((one) => one.known);
    const facts = { partitionKeys: partitionKeysOf(known), foreignKeys: this.#foreignKeysOf(known) };
    const rewrites = this.#rewritten(look.locked);
    const scans = this.#scanned(look);
    this.#held = held;
    for (const { known } of locks) this.#settled.delete(known.oid);
    this.#remember(look.locked);
    return { ...seen, rewrites, scans, defaultPartitions, ...facts };
  }

  /** The transaction is over; what it changed is there for all sessions when it was committed. */
  end(committed: boolean): void {
    if (committed)
      for (const [oid, known] of this.#changed)
        if (known === undefined) this.#catalog.delete(oid);
        else this.#catalog.set(known);
    this.begin();
  }

  /** As it was before the statement; undefined for what the statement made. */
  #before(oid: number): KnownRelation | undefined {
    return this.#changed.has(oid) ? this.#changed.get(oid) : this.#catalog.get(oid);
  }

  /** What is changed or made stays locked to the end: what is not locked any more was undone, by a savepoint. */
  #forgetUndone({ locked }: Look): void {
    const now = new Set(locked.map(({ oid }) => oid));
    for (const oid of this.#changed.keys()) if (!now.has(oid)) this.#changed.delete(oid);
  }

  #heldIn({ locked }: Look): Map<number, Held> {
    const held = new Map<number, Held>();
    for (const row of locked) {
      // What is gone is known from before, what is new by what it is now.
      const known =
        this.#before(row.oid) ??
        this.#held.get(row.oid)?.known ??
        this.#catalog.get(row.oid) ??
        knownRelation(row);
      const mode = strongestOf(row.modes.flatMap((spelling) => modeFromCatalog(spelling) ?? []));
      if (known !== undefined && mode !== undefined && !known.temporary) held.set(row.oid, { known, mode });
    }
    return held;
  }

  #lock({ known: { oid, relation, kind }, mode }: Held): ExplainedLock {
    const lock = { relation, kind, mode, blocks: blockedBy(mode) };
    return this.#catalog.get(oid) === undefined ? { ...lock, created: true } : lock;
  }

  #foreignKeysOf(relations: readonly KnownRelation[]): ForeignKey[] {
    return relations.flatMap(({ relation: table, foreignKeys }) =>
      foreignKeys.flatMap(({ to, ...key }) => {
        const references = this.#before(to)?.relation;
        return references === undefined ? [] : [{ ...key, table, references }];
      }),
    );
  }

  #rewritten(locked: readonly LookedRelation[]): string[] {
    const rewritten = locked.flatMap((row) => {
      const before = this.#before(row.oid);
      if (before === undefined || before.filenode === null || row.filenode === null) return [];
      const changed = row.filenode !== before.filenode;
      return changed && before.kind !== 'sequence' && !before.temporary ? [before] : [];
    });
    return namesOfRewritten(rewritten);
  }

  #scanned({ scans }: Look): string[] {
    const before = this.#scans;
    this.#scans = new Map([...before, ...scans]);
    return scans.flatMap(([oid, times]) => {
      const known = this.#catalog.get(oid);
      const more = times > (before.get(oid) ?? 0);
      return more && known !== undefined && WITH_ROWS.has(known.kind) && !known.temporary
        ? [known.relation]
        : [];
    });
  }

  #remember(locked: readonly LookedRelation[]): void {
    for (const row of locked) {
      const now = knownRelation(row);
      if (now !== undefined || this.#before(row.oid) !== undefined) this.#changed.set(row.oid, now);
    }
  }
}

/** An index that is made anew takes the place of one of its name, which is the one that others know. */
function withoutTwins(locks: readonly ExplainedLock[]): ExplainedLock[] {
  const known = new Set(locks.flatMap(({ relation, created }) => (created === true ? [] : [relation])));
  return locks.filter(({ relation, created }) => created !== true || !known.has(relation));
}

function partitionKeysOf(relations: readonly KnownRelation[]): ReadonlyMap<string, string> {
  return new Map(
    relations.flatMap(({ relation, partitionKey }) =>
      partitionKey === null ? [] : [[relation, partitionKey] as const],
    ),
  );
}

/** An index goes with its table, where that got a new file as well. @internal */
export function namesOfRewritten(relations: readonly KnownRelation[]): string[] {
  const oids = new Set(relations.map(({ oid }) => oid));
  return relations.filter(({ table }) => table === null || !oids.has(table)).map(({ relation }) => relation);
}

const KIND_ORDER = ['table', 'partitioned table', 'materialized view', 'view', 'foreign table', 'sequence'];

function byStrength(a: ExplainedLock, b: ExplainedLock): number {
  if (a.created !== b.created) return a.created ? 1 : -1;
  if (a.mode !== b.mode) return isStronger(a.mode, b.mode) ? -1 : 1;
  const order = (kind: string) => (KIND_ORDER.includes(kind) ? KIND_ORDER.indexOf(kind) : KIND_ORDER.length);
  return order(a.kind) - order(b.kind) || (a.relation < b.relation ? -1 : 1);
}
