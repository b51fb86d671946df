/** `cancel` ends the running statement (`pg_cancel_backend`), `terminate` the session (`pg_terminate_backend`). @publicApi */
export type SignalAction = 'cancel' | 'terminate';

/**
 * What became of a session that was to be signalled, as looked up afterwards; not merely that a signal was sent.
 *
 * - `terminated`: the session has ended. `cancelled`: its statement has ended and it blocks nothing any more.
 * - `stillBlocking`: the signal was sent, and the session is still there with its locks: an idle transaction has no
 *   statement to cancel.
 * - `gone`: it had ended before, also when a later session has its pid.
 * - `notPermitted`: the connected role may not signal it, or may not see enough of it to be sure.
 * - `refused`: never signalled by this library; `reason` tells why.
 * - `waitsForReplication`: left alone, since its transaction has committed and waits for a synchronous standby (`SyncRep`). Its
 *   locks go when the standby answers; a signal would have its client told that what is not replicated is safe.
 * - `dryRun`: would have been signalled.
 *
 * @publicApi
 */
export type SignalResult =
  | 'terminated'
  | 'cancelled'
  | 'stillBlocking'
  | 'gone'
  | 'notPermitted'
  | 'refused'
  | 'waitsForReplication'
  | 'dryRun';
