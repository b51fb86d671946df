import { sampleBackend } from '../../sql/explain-session.js';
import type { LockMode } from '../../vocabulary/lock-mode.js';
import { blockedBy, isStronger, modeFromCatalog } from '../observe/lock-strength.js';
import type { KnownRelation, RelationCatalog } from '../observe/relation-catalog.js';
import { namesOfRewritten, type Observation } from '../observe/session-view.js';
import type { ExplainSession } from './explain-session.js';

/** The strongest mode of each relation that a backend held or asked for at any look. @internal */
export class LockSampler {
  readonly modes = new Map<number, LockMode>();
  readonly #watcher: ExplainSession;
  readonly #pid: number;

  constructor(watcher: ExplainSession, pid: number) {
    this.#watcher = watcher;
    this.#pid = pid;
  }

  /** @returns whether it waits at this moment. */
  async sample(): Promise<boolean> {
    const [row] = await this.#watcher.query<{ locks: string; waits: string }>(sampleBackend(this.#pid));
    for (const [oid, spelling] of JSON.parse(row?.locks ?? '[]') as [number, string][]) {
      const mode = modeFromCatalog(spelling);
      if (mode !== undefined && isStronger(mode, this.modes.get(oid))) this.modes.set(oid, mode);
    }
    return row?.waits === 't';
  }
}

/** What was sampled, by the names of before, or of after where it is new. @internal */
export function locksOf(
  modes: ReadonlyMap<number, LockMode>,
  before: RelationCatalog,
  after: RelationCatalog,
): Observation['locks'] {
  return [...modes].flatMap(([oid, mode]) => {
    const known = before.get(oid) ?? after.get(oid);
    if (known === undefined || known.temporary) return [];
    const lock = { relation: known.relation, kind: known.kind, mode, blocks: blockedBy(mode) };
    return [before.get(oid) === undefined ? { ...lock, created: true as const } : lock];
  });
}

/** Relations with another file than before. @internal */
export function rewritten(before: RelationCatalog, after: RelationCatalog): string[] {
  const byName = new Map([...after].map((known) => [known.relation, known]));
  // REINDEX CONCURRENTLY puts a new index in the place of the old one.
  const now = (known: KnownRelation) => after.get(known.oid) ?? byName.get(known.relation);
  const changed = [...before].filter((known) => {
    const filenode = now(known)?.filenode ?? null;
    return (
      known.kind !== 'sequence' && filenode !== null && known.filenode !== null && filenode !== known.filenode
    );
  });
  return namesOfRewritten(changed);
}
