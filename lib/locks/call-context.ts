import { LockContext } from './lock-context.js';

/**
 * The flow of a call that has some of its several keys already, and asks for the next: it stands still with them, but no work
 * runs under them yet, so that they let no call go on during a shutdown.
 *
 * @internal
 */
export class CallContext extends LockContext {
  override get holdsAny(): boolean {
    return this.outer?.holdsAny ?? false;
  }
}
