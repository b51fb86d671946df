import type { AdvisoryKey, LockId } from '../vocabulary/lock-id.js';

/** Knows what the application calls an advisory key, where it has seen the id. @internal */
export interface LockNames {
  nameOf(key: AdvisoryKey): LockId | undefined;
}

/** Keeps ids, so that a query by name finds the name in its answer. @internal */
export interface NameRegister {
  keyOf(id: LockId): unknown;
}
