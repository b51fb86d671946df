import { LockCore } from '../core/lock-core.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import { MemoryLockServer } from './memory-lock-server.js';
import type { MemoryLockTable } from './memory-lock-table.js';

/** One database that is a table in memory. @internal */
export class MemoryCore extends LockCore<MemoryLockServer> {
  constructor(
    options: ResolvedPgLockOptions,
    readonly table: MemoryLockTable,
  ) {
    super(options, (init) => new MemoryLockServer(init, table));
  }
}
