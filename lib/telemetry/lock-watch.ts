import { DeadlockError } from '../errors/deadlock.error.js';
import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import type { LockId } from '../vocabulary/lock-id.js';
import {
  areLocksWatched,
  say,
  type LockMessage,
  type LockRefusedMessage,
  type LockSource,
} from './lock-channels.js';

/**
 * Tells on the channels what becomes of one request for a lock: *requested*, then *acquired* or *refused*; once acquired,
 * *released* or *lost*. Made only where there is a subscriber.
 *
 * @internal
 */
export class LockWatch {
  private readonly message: LockMessage;
  private since = performance.now();
  private over = false;

  private constructor(
    { database, instance }: LockSource,
    id: LockId | readonly LockId[],
    shared: boolean,
    scope: LockMessage['scope'],
  ) {
    this.message = { database, instance, id, shared, scope };
    say('nestjs-pglock:requested', this.message);
  }

  /** A watch where there is a subscriber, else nothing. */
  static of(
    source: LockSource,
    id: LockId | readonly LockId[],
    shared: boolean,
    scope: LockMessage['scope'],
  ): LockWatch | undefined {
    return areLocksWatched() ? new LockWatch(source, id, shared, scope) : undefined;
  }

  acquired(pid: number): void {
    const waitedMs = this.elapsedMs();
    this.since = performance.now();
    say('nestjs-pglock:acquired', { ...this.message, waitedMs, pid });
  }

  refused(error: unknown): void {
    this.over = true;
    const waitedMs = this.elapsedMs();
    say('nestjs-pglock:refused', { ...this.message, waitedMs, reason: reasonOf(error), error });
  }

  released(): void {
    if (this.over) return;
    this.over = true;
    say('nestjs-pglock:released', { ...this.message, heldMs: this.elapsedMs() });
  }

  lost(error: Error): void {
    if (this.over) return;
    this.over = true;
    say('nestjs-pglock:lost', { ...this.message, heldMs: this.elapsedMs(), error });
  }

  private elapsedMs(): number {
    return performance.now() - this.since;
  }
}

function reasonOf(error: unknown): LockRefusedMessage['reason'] {
  if (error instanceof LockNotAvailableError) return 'contention';
  return error instanceof DeadlockError ? 'deadlock' : 'error';
}
