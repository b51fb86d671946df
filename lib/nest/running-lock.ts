import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { FencingToken, FencingTokenOptions } from '../locks/fencing-token.js';
import type { LockHandle } from '../locks/lock-handle.js';
import { currentLock } from './current-lock.js';

/**
 * The lock around whatever call is running, found at each use: what a constructor can be given, which runs before any lock
 * is acquired, and once for all calls. Its own injection token.
 *
 * @internal
 */
export class RunningLock implements LockHandle {
  get id(): LockHandle['id'] {
    return required().id;
  }

  get key(): LockHandle['key'] {
    return required().key;
  }

  get keys(): LockHandle['keys'] {
    return required().keys;
  }

  get shared(): boolean {
    return required().shared;
  }

  get held(): boolean {
    return currentLock()?.held ?? false;
  }

  get pid(): number {
    return required().pid;
  }

  get pids(): LockHandle['pids'] {
    return required().pids;
  }

  get signal(): AbortSignal {
    return required().signal;
  }

  fencingToken(): Promise<bigint>;
  fencingToken(options: { readonly epoch: true }): Promise<FencingToken>;
  fencingToken(options?: FencingTokenOptions): Promise<bigint | FencingToken>;
  async fencingToken(options?: FencingTokenOptions): Promise<bigint | FencingToken> {
    return required().fencingToken(options);
  }

  async release(): Promise<void> {
    return required().release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

function required(): LockHandle {
  const lock = currentLock();
  if (lock !== undefined) return lock;
  throw new PgLockUsageError(
    'The @CurrentLock() of a constructor was used where no lock is held: use it while a method runs that has ' +
      '@UseInterceptors(AdvisoryLock(…)) or @WithAdvisoryLock(…).',
  );
}
