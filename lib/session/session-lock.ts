import { unlockCode, type KeyOp, type LockOpCode } from '../sql/advisory-lock.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { HeldKey, HeldKeyListener } from './lock-store.js';
import type { Enrolled } from './roster.js';

/** The session that a hold is on, as far as the hold needs it. @internal */
export interface HoldingSession {
  readonly facts: { readonly pid: number };
  /** Whether the server cannot have given its locks to others. */
  readonly trusted: boolean;
  owns(hold: SessionLock): boolean;
}

/** A key held by one lock session, and the operation that releases it. @internal */
export class SessionLock<Session extends HoldingSession = HoldingSession>
  implements HeldKey, Enrolled, KeyOp
{
  place = 0;
  listener: HeldKeyListener | undefined;
  isContended = false;

  constructor(
    readonly session: Session,
    readonly key: LockKey,
    readonly shared: boolean,
  ) {}

  get pid(): number {
    return this.session.facts.pid;
  }

  get code(): LockOpCode {
    return unlockCode(this.key, this.shared);
  }

  get alive(): boolean {
    return this.session.trusted && this.session.owns(this);
  }
}
