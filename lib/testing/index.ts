export { MemoryLockTable } from './memory-lock-table.js';
export { PgLockTestingModule, type PgLockTestingModuleOptions } from './pg-lock-testing.module.js';
export {
  getPgLockTestingToken,
  holdLock,
  loseLock,
  PgLockTesting,
  type ForeignLock,
  type HoldLockOptions,
  type OnTesting,
} from './pg-lock-testing.js';
