import { fusedLockOps, singleLockOp, type LockOpCode } from '../sql/advisory-lock.js';
import type { Statement } from '../sql/statement.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { Hold } from './lock-store.js';

/** The most operations that one fused statement carries; the rest waits for the next. @internal */
export const BATCH_LIMIT = 2_000;

/** One try or release, and whom to tell what became of it. @internal */
export interface LockOp {
  readonly key: LockKey;
  readonly shared: boolean;
  readonly code: LockOpCode;
  readonly resolve: (outcome: Hold | null) => void;
  readonly reject: (error: unknown) => void;
}

/** Whether an operation asks for a lock, rather than lets go of one. @internal */
export function isTry({ code }: LockOp): boolean {
  return code === 'x' || code === 's' || code === 'X' || code === 'S';
}

/** The one statement that does all operations, in order. @internal */
export function statementOf(ops: readonly LockOp[]): Statement {
  const [first] = ops;
  if (ops.length === 1 && first !== undefined) return singleLockOp(first.key.int8, first.code);
  return fusedLockOps(
    ops.map((op) => op.key.int8),
    ops.map((op) => op.code),
  );
}
