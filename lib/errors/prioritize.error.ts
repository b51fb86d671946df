import { PgLockError } from './pg-lock.error.js';

/**
 * `onBlocked` failed while prioritized work ran, or its blockers may not be signalled. Thrown after the work has ended;
 * `cause` is what `onBlocked` threw, or the `PermissionError`; `work` is how the work itself ended.
 *
 * @publicApi
 */
export class PrioritizeError extends PgLockError {
  readonly code = 'PGLOCK_PRIORITIZE';

  /** How the work ended: its value, or the reason for which it failed. */
  readonly work: PromiseSettledResult<unknown>;

  constructor(message: string, work: PromiseSettledResult<unknown>, options?: ErrorOptions) {
    super(message, options);
    this.work = work;
  }
}
