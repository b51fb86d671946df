import { inspectionParts } from '../core/inspection-parts.js';
import type { LockServerInit } from '../core/lock-server.js';
import type { LockOutlook } from '../core/pg-lock-parts.js';
import { Prioritizer } from '../prioritize/prioritizer.js';
import { MemoryBlockedPgLocks, MemoryPgLocks } from './memory-inspection.js';
import type { MemoryLockTable } from './memory-lock-table.js';
import { MemoryObserver } from './memory-observer.js';
import type { MemoryWork } from './memory-work.js';

/** What looking at a table in memory needs from the rest. @internal */
export interface MemoryLockAdminInit extends Pick<LockServerInit, 'options' | 'names' | 'flowPids' | 'emit'> {
  readonly table: MemoryLockTable;
  readonly work: MemoryWork;
}

/** Looking at locks, over a table in memory; and priorities, which never find a blocker. @internal */
export class MemoryLockAdmin implements LockOutlook {
  readonly observer = new MemoryObserver();
  readonly locks: MemoryPgLocks;
  readonly blocked: MemoryBlockedPgLocks;
  readonly prioritizer: Prioritizer;

  constructor({ options, names, flowPids, emit, table, work }: MemoryLockAdminInit) {
    const { observer } = this;
    const parts = inspectionParts(options, names, observer);
    this.locks = new MemoryPgLocks(parts, table);
    this.blocked = new MemoryBlockedPgLocks(parts, table);
    this.prioritizer = new Prioritizer({
      ...{ name: options.name, namespace: options.namespace, observer, names, emit, flowPids },
      fallbacks: options.prioritize,
      pidOf: (transaction) => Promise.resolve(work.pidOf(transaction)),
      withTimeout: (timeoutMs, given, run) => work.timeouts.run(timeoutMs, given, run),
    });
  }

  async close(): Promise<void> {
    await this.prioritizer.close();
    this.observer.close();
  }
}
