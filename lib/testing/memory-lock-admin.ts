import { BlockedPgLocks } from '../inspection/blocked-pg-locks.js';
import { blockingTree, membersOf, type BlockingTreeNode } from '../inspection/blocking-tree.js';
import type { PlaceObserver } from '../inspection/doctor/place.js';
import type { InspectionParts } from '../inspection/lock-inspector.js';
import type { BlockedLockQuery, LockQuery } from '../inspection/lock-query.js';
import type { BlockedPgLock, PgLock } from '../inspection/pg-lock.js';
import { PgLocks } from '../inspection/pg-locks.js';
import { RowDecoder } from '../inspection/row-decoder.js';
import type { SignalOutcome } from '../inspection/signal-outcome.js';
import type { LockOutlook } from '../core/pg-lock-parts.js';
import type { LockNames } from '../locks/lock-names.js';
import { assertWork } from '../vocabulary/assert-work.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import type { PrioritizeTimerRegistry } from '../prioritize/prioritize-timer-registry.js';
import type { PrioritizeOptions } from '../prioritize/prioritize-options.js';
import { resolvePrioritizeOptions } from '../prioritize/resolve-prioritize-options.js';
import { targetTable } from '../transaction/resolve-target.js';
import { answer, blockedRows, lockRows } from './memory-lock-rows.js';
import type { MemoryLockTable } from './memory-lock-table.js';
import type { MemoryLockTimeouts } from './memory-work.js';

/** `pglock.locks` over a table in memory: advisory locks are found, and nothing can be signalled. @internal */
export class MemoryPgLocks extends PgLocks {
  constructor(
    parts: InspectionParts,
    private readonly table: MemoryLockTable,
  ) {
    super(parts);
  }

  override async find(query?: LockQuery): Promise<readonly PgLock[]> {
    const decoder = new RowDecoder(this.parts.names);
    const rows = answer(lockRows(this.table), this.listing(query));
    return Promise.resolve(Object.freeze(rows.map((row) => decoder.lock(row))));
  }

  override async count(query?: LockQuery): Promise<number> {
    return (await this.find({ ...query, limit: Number.MAX_SAFE_INTEGER })).length;
  }

  protected override signal(): Promise<readonly SignalOutcome[]> {
    return Promise.resolve(Object.freeze([]));
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

  override async find(query?: BlockedLockQuery): Promise<readonly BlockedPgLock[]> {
    const decoder = new RowDecoder(this.parts.names);
    const rows = answer(blockedRows(this.table), this.listing(query));
    return Promise.resolve(Object.freeze(rows.map((row) => decoder.blockedLock(row))));
  }

  override async count(query?: BlockedLockQuery): Promise<number> {
    return (await this.find({ ...query, limit: Number.MAX_SAFE_INTEGER })).length;
  }

  override async tree(): Promise<readonly BlockingTreeNode[]> {
    return blockingTree(membersOf(await this.find()));
  }

  protected override signal(): Promise<readonly SignalOutcome[]> {
    return Promise.resolve(Object.freeze([]));
  }
}

/** Priorities that clear no blockers, since there are none: the options are checked, and the work runs. @internal */
export class MemoryPrioritizer {
  registry: PrioritizeTimerRegistry | undefined;

  constructor(
    private readonly options: ResolvedPgLockOptions,
    private readonly timeouts: MemoryLockTimeouts,
  ) {}

  async run<T>(given: PrioritizeOptions, work: (() => T | Promise<T>) | undefined): Promise<T> {
    const { prioritize, namespace } = this.options;
    const { timeoutMs, transaction } = resolvePrioritizeOptions(given, prioritize, namespace);
    assertWork(work, 'prioritize(options, work)');
    if (timeoutMs === undefined) return work();
    return this.timeouts.run(timeoutMs, transaction === undefined ? {} : { transaction }, work);
  }
}

/** Looking at locks and clearing the way, over a table in memory. @internal */
export class MemoryLockAdmin implements LockOutlook {
  readonly observer = NO_OBSERVER;
  readonly locks: MemoryPgLocks;
  readonly blocked: MemoryBlockedPgLocks;
  readonly prioritizer: MemoryPrioritizer;

  constructor(
    options: ResolvedPgLockOptions,
    names: LockNames,
    table: MemoryLockTable,
    timeouts: MemoryLockTimeouts,
  ) {
    const { namespace, configs, findLimit } = options;
    const parts: InspectionParts = {
      observer: NO_OBSERVER,
      names,
      namespace,
      configs,
      limit: findLimit,
      tableOf: (target) => targetTable(target),
    };
    this.locks = new MemoryPgLocks(parts, table);
    this.blocked = new MemoryBlockedPgLocks(parts, table);
    this.prioritizer = new MemoryPrioritizer(options, timeouts);
  }
}

const NO_OBSERVER: PlaceObserver = {
  version: () => Promise.resolve(0),
  isDirect: () => Promise.resolve(true),
  isBalanced: () => Promise.resolve(false),
  query: () => Promise.resolve([]),
};
