import type { LockServer, LockServerInit } from '../core/lock-server.js';
import type { LockHolder } from '../errors/lock-not-available.error.js';
import type { FlowTransaction } from '../locks/commit-watch.js';
import type { FindHolder, RefusalFacts } from '../locks/named-holder.js';
import type { Peers } from '../peers/peers.js';
import type { LockId } from '../vocabulary/lock-id.js';
import { MemoryLockAdmin } from './memory-lock-admin.js';
import { APPLICATION_NAME } from './memory-lock-rows.js';
import { MemoryLockStore } from './memory-lock-store.js';
import type { MemoryLockTable } from './memory-lock-table.js';
import { MemoryPeers } from './memory-peers.js';
import { MemoryWork } from './memory-work.js';

/** A table in memory, as a core stands on it. @internal */
export class MemoryLockServer implements LockServer {
  readonly store: MemoryLockStore;
  readonly peers: Peers;
  readonly work: MemoryWork;
  readonly admin: MemoryLockAdmin;
  readonly ledger = undefined;
  /** All who use the table are in one process. */
  readonly hasManyClocks = false;
  readonly findHolder: FindHolder = (id, facts) => Promise.resolve(this.holderOf(id, facts));

  constructor(
    private readonly init: LockServerInit,
    private readonly table: MemoryLockTable,
  ) {
    const { findHolder } = this;
    const pid = table.newPid();
    this.store = new MemoryLockStore(table, pid);
    this.peers = new MemoryPeers(table, pid);
    this.work = new MemoryWork({ ...init, table, findHolder });
    this.admin = new MemoryLockAdmin({ ...init, table, work: this.work });
  }

  get flowTransaction(): FlowTransaction {
    return this.work.flowTransaction;
  }

  /** What is told is heard at once, and deadlocks are seen in the table. */
  serve(): void {}

  /** All who use the table are peers, which ask by themselves. */
  watchKept(): void {}

  stopLooking(): Promise<void> {
    return this.admin.close();
  }

  /** No other clock could be behind. */
  lingerMs(): number {
    return 0;
  }

  leave(): void {
    this.peers.close();
  }

  close(): Promise<void> {
    return this.work.close();
  }

  private holderOf(
    id: LockId | readonly LockId[],
    { askedBy, keys }: RefusalFacts = {},
  ): LockHolder | undefined {
    const asked = keys ?? this.init.names.keysOf(id).map(({ key }) => key);
    const holder = asked.flatMap((key) => this.table.holds(key)).find(({ pid }) => pid !== askedBy);
    if (holder === undefined) return undefined;
    return Object.freeze({
      pid: holder.pid,
      applicationName: APPLICATION_NAME,
      clientAddress: null,
    });
  }
}
