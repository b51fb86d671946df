import { BlockedPgLocks } from '../inspection/blocked-pg-locks.js';
import { membersOf, type TreeMember } from '../inspection/blocking-tree.js';
import type { InspectionParts } from '../inspection/lock-inspector.js';
import { PgLocks } from '../inspection/pg-locks.js';
import type { TextRow } from '../inspection/row-decoder.js';
import type { SignalOutcome } from '../inspection/signal-outcome.js';
import type { RowQuery } from '../sql/inspection-query.js';
import { answer, blockedRows, lockRows } from './memory-lock-rows.js';
import type { MemoryLockTable } from './memory-lock-table.js';
import type { MemoryRow } from './memory-predicate.js';

const ALL = Number.MAX_SAFE_INTEGER;

/** What a server would answer to an inspector, out of rows in memory; refused where the module is shut down. */
class MemoryAnswers {
  constructor(
    private readonly observer: InspectionParts['observer'],
    private readonly all: () => readonly MemoryRow[],
  ) {}

  async rows(query: RowQuery): Promise<readonly TextRow[]> {
    await this.observer.version();
    return answer(this.all(), query);
  }

  async total(query: RowQuery): Promise<number> {
    return (await this.rows({ ...query, limit: ALL })).length;
  }

  async signalled(): Promise<readonly SignalOutcome[]> {
    await this.observer.version();
    return Object.freeze([]);
  }
}

/** `pglock.locks` over a table in memory: advisory locks are found, and nothing can be signalled. @internal */
export class MemoryPgLocks extends PgLocks {
  private readonly answers: MemoryAnswers;

  constructor(parts: InspectionParts, table: MemoryLockTable) {
    super(parts);
    this.answers = new MemoryAnswers(parts.observer, () => lockRows(table));
  }

  protected override rows(query: RowQuery): Promise<readonly TextRow[]> {
    return this.answers.rows(query);
  }

  protected override total(query: RowQuery): Promise<number> {
    return this.answers.total(query);
  }

  protected override signal(): Promise<readonly SignalOutcome[]> {
    return this.answers.signalled();
  }
}

/** `pglock.blocked` over a table in memory. @internal */
export class MemoryBlockedPgLocks extends BlockedPgLocks {
  private readonly answers: MemoryAnswers;

  constructor(parts: InspectionParts, table: MemoryLockTable) {
    super(parts);
    this.answers = new MemoryAnswers(parts.observer, () => blockedRows(table));
  }

  protected override rows(query: RowQuery): Promise<readonly TextRow[]> {
    return this.answers.rows(query);
  }

  protected override total(query: RowQuery): Promise<number> {
    return this.answers.total(query);
  }

  protected override async members(): Promise<readonly TreeMember[]> {
    return membersOf(await this.find({ limit: ALL }));
  }

  protected override signal(): Promise<readonly SignalOutcome[]> {
    return this.answers.signalled();
  }
}
