import type { LockKey } from '../vocabulary/lock-id.js';
import type { Hold, HoldListener } from './lock-store.js';

/** The session that a hold is on, as far as the hold needs it. @internal */
export interface HoldingSession {
  readonly facts: { readonly pid: number };
  /** Whether the server cannot have given its locks to others. */
  readonly trusted: boolean;
  owns(hold: Hold): boolean;
}

/** A key held by one lock session. @internal */
export class SessionHold<Session extends HoldingSession = HoldingSession> implements Hold {
  listener: HoldListener | undefined;

  constructor(
    readonly session: Session,
    readonly key: LockKey,
    readonly shared: boolean,
  ) {}

  get pid(): number {
    return this.session.facts.pid;
  }

  get alive(): boolean {
    return this.session.trusted && this.session.owns(this);
  }
}
