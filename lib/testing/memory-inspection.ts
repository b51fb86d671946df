import { BlockedPgLocks } from '../inspection/blocked-pg-locks.js';
import { membersOf, type TreeMember } from '../inspection/blocking-tree.js';
import type { InspectionParts } from '../inspection/lock-inspector.js';
import { PgLocks } from '../inspection/pg-locks.js';
import type { TextRow } from '../inspection/row-decoder.js';
import type { SignalOutcome } from '../inspection/signal-outcome.js';
import type { RowQuery } from '../sql/inspection-query.js';
import { answer, blockedRows, lockRows } from './memory-lock-rows.js';
import type { MemoryLockTable } from './memory-lock-table.js';

const ALL = Number.MAX_SAFE_INTEGER;

/** `pglock.locks` over a table in memory: advisory locks are found, and nothing can be signalled. @internal */
export class MemoryPgLocks extends PgLocks {
  constructor(
    parts: InspectionParts,
    private readonly table: MemoryLockTable,
  ) {
    super(parts);
  }

  protected override async rows(query: RowQuery): Promise<readonly TextRow[]> {
    await this.parts.observer.version();
    return answer(lockRows(this.table), query);
  }

  protected override async total(query: RowQuery): Promise<number> {
    return (await this.rows({ ...query, limit: ALL })).length;
  }

  protected override async signal(): Promise<readonly SignalOutcome[]> {
    await this.parts.observer.version();
    return Object.freeze([]);
  }
}

/** `pglock.blocked` over a table in memory. @internal */
export class MemoryBlockedPgLocks extends BlockedPgLocks {
  constructor(
    parts: InspectionParts,
    private readonly table: MemoryLockTable,
  ) {
    super(parts);
  }

  protected override async rows(query: RowQuery): Promise<readonly TextRow[]> {
    await this.parts.observer.version();
    return answer(blockedRows(this.table), query);
  }

  protected override async total(query: RowQuery): Promise<number> {
    return (await this.rows({ ...query, limit: ALL })).length;
  }

  protected override async members(): Promise<readonly TreeMember[]> {
    return membersOf(await this.find({ limit: ALL }));
  }

  protected override async signal(): Promise<readonly SignalOutcome[]> {
    await this.parts.observer.version();
    return Object.freeze([]);
  }
}
