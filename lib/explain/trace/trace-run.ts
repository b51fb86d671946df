import { setTimeout as delay } from 'node:timers/promises';
import { cancelBackend } from '../../sql/explain-session.js';
import { RelationCatalog } from '../observe/relation-catalog.js';
import { NOTHING_SEEN, type Observation } from '../observe/session-view.js';
import type { ExplainedError } from '../report.js';
import type { RollbackRun } from './rollback-run.js';
import type { ExplainSession } from '../run/explain-session.js';
import { LockSampler, locksOf, rewritten } from '../run/lock-sampler.js';
import type { ObservedStatement } from '../run/observed-statement.js';
import { allowComment } from '../split/allow-comment.js';
import type { AllowComment } from '../split/sql-statement.js';
import { sqlTokens, UnterminatedSqlError } from '../../sql/sql-tokens.js';
import { findHazard } from '../hazards/hazard-names.js';

const SAMPLE_MS = 3;

/** A statement of the tool, while it runs and afterwards. @internal */
export interface TraceRecord {
  readonly sql: string;
  readonly transaction: number;
  readonly startedAt: number;
  observation: Observation;
  durationMs: number;
  error: ExplainedError | null;
  partial: boolean;
  transactional: boolean;
  lockTimeoutMs: number | undefined;
}

/** What all connections of a traced command share: the catalog, the statements, and a session that watches. @internal */
export class TraceRun {
  readonly catalog = new RelationCatalog();
  readonly #watcher: ExplainSession;
  readonly #label: string;
  readonly #records: TraceRecord[] = [];
  /** Sent, and never executed. */
  readonly #forgotten = new Set<TraceRecord>();
  #transactions = 0;
  #stale = true;

  /** @param rollback where nothing of the command is committed. */
  constructor(
    watcher: ExplainSession,
    label: string,
    readonly rollback?: RollbackRun,
  ) {
    this.#watcher = watcher;
    this.#label = label;
  }

  nextTransaction(): number {
    this.#transactions += 1;
    return this.#transactions;
  }

  begin(sql: string, transaction: number): TraceRecord {
    const record: TraceRecord = {
      sql,
      transaction,
      startedAt: performance.now(),
      observation: NOTHING_SEEN,
      durationMs: 0,
      error: null,
      partial: true,
      transactional: true,
      lockTimeoutMs: undefined,
    };
    this.#records.push(record);
    return record;
  }

  /** The server has skipped it. */
  forget(record: TraceRecord): void {
    this.#forgotten.add(record);
  }

  /** What ran could not be looked at, and may have changed the catalog. */
  markStale(): void {
    this.#stale = true;
  }

  /** Reads the catalog anew, where it may have changed unseen. */
  async fresh(): Promise<void> {
    if (!this.#stale) return;
    this.#stale = false;
    this.catalog.replace(await this.#watcher.relations());
  }

  /** Watches the locks of a backend from outside. @returns what ends it, and gives what was seen. */
  sample(pid: number): () => Promise<Observation> {
    const sampler = new LockSampler(this.#watcher, pid);
    const sampling = new AbortController();
    const before = this.fresh();
    const loop = (async () => {
      await before;
      while (!sampling.signal.aborted) {
        await sampler.sample();
        await delay(SAMPLE_MS);
      }
    })();
    return async () => {
      sampling.abort();
      await loop;
      const after = new RelationCatalog(await this.#watcher.relations());
      const seen = {
        locks: locksOf(sampler.modes, this.catalog, after),
        rewrites: rewritten(this.catalog, after),
      };
      this.#stale = true;
      return { ...NOTHING_SEEN, ...seen };
    };
  }

  async cancel(pid: number): Promise<void> {
    await this.#watcher.query(cancelBackend(pid));
  }

  /** All statements in the order in which they were sent. */
  observed(): ObservedStatement[] {
    const ran = this.#records.filter((record) => !this.#forgotten.has(record));
    return ran.map(({ observation, startedAt: _startedAt, ...record }, index) => ({
      ...observation,
      ...record,
      file: this.#label,
      line: index + 1,
      column: 1,
      allows: allowsIn(record.sql),
      carriedOut: false,
    }));
  }
}

/** Comments in the statement itself; a hazard that there is not allows nothing. */
function allowsIn(sql: string): AllowComment[] {
  if (!/pglock/i.test(sql)) return [];
  const found: AllowComment[] = [];
  try {
    for (const { kind, start, end } of sqlTokens(sql)) {
      const allow = kind === 'comment' ? allowComment(sql.slice(start, end), 1) : undefined;
      if (allow !== undefined)
        found.push({ ...allow, hazards: allow.hazards.filter((text) => findHazard(text) !== undefined) });
    }
  } catch (error) {
    if (!(error instanceof UnterminatedSqlError)) throw error;
  }
  return found;
}
