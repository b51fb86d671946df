import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import { LockSessionError } from '../errors/lock-session.error.js';
import { PgLockError } from '../errors/pg-lock.error.js';

/** SQLSTATEs that no waiting mends: wrong password, no such role, no such database. */
const FINAL = new Set(['28P01', '28000', '3D000']);

/** Whether an error of a lock may be over in a moment: the server is away, restarting or full, rather than forbidding it. @internal */
export function isWorthWaiting(error: unknown): boolean {
  if (error instanceof LockNotAvailableError || error instanceof LockSessionError) return true;
  if (error instanceof PgLockError) return error.cause !== undefined && isWorthWaiting(error.cause);
  const code = (error as { readonly code?: unknown } | null)?.code;
  return !(typeof code === 'string' && FINAL.has(code));
}
