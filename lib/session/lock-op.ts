import { fusedLockOps, singleLockOp, type KeyOp } from '../sql/advisory-lock.js';
import type { NamedStatement } from '../sql/statement.js';
import type { TryLockCallbacks } from './lock-store.js';

/** The most operations that one fused statement carries; the rest waits for the next. */
const BATCH_LIMIT = 2_000;

/** One non-blocking try, which is told what became of it. @internal */
export interface TryOp extends KeyOp, TryLockCallbacks {
  readonly shared: boolean;
}

/** What one statement of a session is to do. @internal */
export class LockOps {
  readonly releases: KeyOp[] = [];
  readonly tries: TryOp[] = [];
  private allReleased: Promise<void> | undefined;
  private resolve: (() => void) | undefined;

  get size(): number {
    return this.releases.length + this.tries.length;
  }

  get isFull(): boolean {
    return this.size >= BATCH_LIMIT;
  }

  /** Resolves when its releases are done, which cannot fail: with the session, the locks are gone as well. One for all. */
  get released(): Promise<void> {
    this.allReleased ??= new Promise((resolve) => (this.resolve = resolve));
    return this.allReleased;
  }

  /** Tells everybody who waits for {@link LockOps.released}. */
  markReleased(): void {
    this.resolve?.();
  }

  /** The one statement that does it all: releases first, so that what is let go can be had again. */
  get statement(): NamedStatement {
    const [only] = this.releases.length > 0 ? this.releases : this.tries;
    if (this.size === 1 && only !== undefined) return singleLockOp(only);
    return fusedLockOps(this.releases, this.tries);
  }
}

/** What a session is asked for between two statements, in the order of arrival. @internal */
export class LockBatches {
  private readonly batches: LockOps[] = [];

  get isEmpty(): boolean {
    return this.batches.length === 0;
  }

  /** Where what is asked for now belongs. */
  get last(): LockOps {
    const last = this.batches.at(-1);
    if (last?.isFull === false) return last;
    const next = new LockOps();
    this.batches.push(next);
    return next;
  }

  takeFirst(): LockOps | undefined {
    return this.batches.shift();
  }

  takeAll(): LockOps[] {
    return this.batches.splice(0);
  }
}
