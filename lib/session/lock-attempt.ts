import { LockSessionError } from '../errors/lock-session.error.js';
import { LockTableBudgetError } from '../errors/lock-table-budget.error.js';
import { tryCode, type LockOpCode } from '../sql/advisory-lock.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { isRepeatable } from '../vocabulary/sqlstate.js';
import { Insistence } from './insistence.js';
import type { TryOp } from './lock-command.js';
import type { HeldKey, TryLockCallbacks } from './lock-store.js';
import { unreachable } from './reachability.js';
import { translateError } from './translate-error.js';

/** Who makes a try once more. @internal */
export interface LockAttemptHost {
  /** Again on the session that is open then. */
  tryLater(attempt: LockAttempt): void;
}

/** One try for one key: made again when its statement is cancelled, and once more when its session ends. @internal */
export class LockAttempt implements TryOp {
  mayReconnect = true;
  /** Where it is made. */
  session: { readonly isOpen: boolean } | undefined;
  private insistence: Insistence | undefined;

  constructor(
    private readonly host: LockAttemptHost,
    readonly key: LockKey,
    readonly shared: boolean,
    private readonly trier: TryLockCallbacks,
  ) {}

  get code(): LockOpCode {
    return tryCode(this.key, this.shared);
  }

  onAcquired(hold: HeldKey): void {
    this.trier.onAcquired(hold);
  }

  onUnavailable(): void {
    this.trier.onUnavailable();
  }

  onError(error: unknown): void {
    if (this.mayTryAgain(error)) this.host.tryLater(this);
    else if (isRepeatable(error)) this.giveUp(cancelledAgainAndAgain(this.key, error));
    else {
      const what = `advisory key ${this.key.text}`;
      this.giveUp(
        unreachable(translateError(error, what), `The lock session ended while ${what} was requested`),
      );
    }
  }

  giveUp(error: unknown): void {
    this.trier.onError(error);
  }

  private mayTryAgain(error: unknown): boolean {
    if (this.session?.isOpen === true) return (this.insistence ??= new Insistence()).mayRepeat(error);
    const again = this.mayReconnect;
    this.mayReconnect = false;
    return again;
  }
}

function cancelledAgainAndAgain({ text }: LockKey, cause: unknown): LockSessionError {
  const message = `Another session cancels the statements of the lock session again and again; advisory key ${text} was not locked.`;
  return new LockSessionError(message, { cause });
}

/** The process holds its share of the server's lock table. @internal */
export function overBudget(budget: number): LockTableBudgetError {
  return new LockTableBudgetError(
    `This process holds ${budget} advisory locks, which is its share of the server's lock table; a full table would fail ` +
      'the statements of every session. Hold fewer locks, raise max_locks_per_transaction on the server, or raise ' +
      '`sessions.lockTableShare`.',
  );
}
