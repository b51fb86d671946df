import type { QueryResult } from 'pg';
import { fusedLockOps, singleLockOp, type KeyOp } from '../sql/advisory-lock.js';
import type { NamedStatement, Statement } from '../sql/statement.js';
import type { TryLockCallbacks } from './lock-store.js';
import { SharedAnswer } from './shared-answer.js';

/**
 * The most operations that one fused statement carries: so many that the statement itself costs next to nothing, and so few that
 * the server works on the next ones while this process reads the answer to the first.
 */
const BATCH_LIMIT = 500;

/** One non-blocking try, which is told what became of it. @internal */
export interface TryOp extends KeyOp, TryLockCallbacks {
  readonly shared: boolean;
}

/** A statement in its turn. @internal */
export interface StatementCommand {
  /** The statement, or what makes it in the moment in which it is sent. */
  readonly query: Statement | string | (() => string);
  /** How long it may take by itself, in milliseconds; nothing is sent behind one that may take long. */
  readonly allowanceMs: number;
  readonly resolve: (result: QueryResult) => void;
  readonly reject: (error: unknown) => void;
}

/** The tries and releases that one statement carries. @internal */
export class CommandBatch {
  // Made with one element where there is one: `push` on an empty array makes room for seventeen.
  releases: KeyOp[] = [];
  tries: TryOp[] = [];
  private triesAnswer: SharedAnswer | undefined;
  private releasesAnswer: SharedAnswer | undefined;

  addTry(op: TryOp): void {
    if (this.tries.length === 0) this.tries = [op];
    else this.tries.push(op);
  }

  addRelease(op: KeyOp): void {
    if (this.releases.length === 0) this.releases = [op];
    else this.releases.push(op);
  }

  get size(): number {
    return this.releases.length + this.tries.length;
  }

  get isFull(): boolean {
    return this.size >= BATCH_LIMIT;
  }

  /** What those who try await first. */
  get answer(): SharedAnswer {
    this.triesAnswer ??= new SharedAnswer();
    return this.triesAnswer;
  }

  /** Resolves when its releases are done, which cannot fail: with the session, the locks are gone as well. One for all. */
  get released(): Promise<void> {
    this.releasesAnswer ??= new SharedAnswer();
    return this.releasesAnswer.arrived;
  }

  /** Resolves {@link CommandBatch.released}. */
  markReleased(): void {
    this.releasesAnswer?.arrive();
  }

  /** The one statement that does it all: releases first, so that what is released can be acquired again. */
  get statement(): NamedStatement {
    const [only] = this.releases.length > 0 ? this.releases : this.tries;
    if (this.size === 1 && only !== undefined) return singleLockOp(only);
    return fusedLockOps(this.releases, this.tries);
  }
}

/** A batch of which only the tries are left to do, once more. @internal */
export function triesOf(tries: readonly TryOp[]): CommandBatch {
  const batch = new CommandBatch();
  batch.tries.push(...tries);
  return batch;
}
