import { fusedLockOps, singleLockOp, type KeyOp } from '../sql/advisory-lock.js';
import type { NamedStatement } from '../sql/statement.js';
import type { Trier } from './lock-store.js';

/** The most operations that one fused statement carries; the rest waits for the next. @internal */
export const BATCH_LIMIT = 2_000;

/** One non-blocking try, which is told what became of it. @internal */
export interface TryOp extends KeyOp, Trier {
  readonly shared: boolean;
}

/** One release, which cannot fail: with the session, the lock is gone as well. @internal */
export interface ReleaseOp extends KeyOp {
  readonly done: () => void;
}

/** What a session is asked for between two statements. @internal */
export class LockOps {
  readonly releases: ReleaseOp[] = [];
  readonly tries: TryOp[] = [];

  get size(): number {
    return this.releases.length + this.tries.length;
  }

  /** The one statement that does it all: releases first, so that what is let go can be had again. */
  get statement(): NamedStatement {
    const [only] = this.releases.length > 0 ? this.releases : this.tries;
    if (this.size === 1 && only !== undefined) return singleLockOp(only);
    return fusedLockOps(this.releases, this.tries);
  }

  /** Takes out what is beyond the limit of one statement. */
  splitOff(limit: number): LockOps {
    const rest = new LockOps();
    if (this.size <= limit) return rest;
    rest.releases.push(...this.releases.splice(limit));
    rest.tries.push(...this.tries.splice(limit - this.releases.length));
    return rest;
  }
}
