import { isLockSession } from '../vocabulary/lock-session-name.js';
import type { PgActivity } from './pg-activity.js';

type Aged = Pick<
  PgActivity,
  'xactDuration' | 'duration' | 'stateChange' | 'backendStart' | 'queryStart' | 'applicationName'
>;

/**
 * For how long a session may have held what it has, as far as the server tells, in milliseconds: since its transaction began;
 * where none is open, since it last did anything. A lock session of this library shows that it lives every second: what
 * counts there is when it began. Null where the connected role may not see it.
 *
 * @internal
 */
export function sessionAge({ xactDuration, duration, queryStart, ...activity }: Aged): number | null {
  if (xactDuration !== null) return xactDuration;
  if (duration === null || queryStart === null) return null;
  // The server's clock, told by what it has measured itself.
  const now = queryStart.getTime() + duration;
  const since = isLockSession(activity.applicationName)
    ? activity.backendStart
    : (activity.stateChange ?? queryStart);
  return since === null ? null : Math.max(0, now - since.getTime());
}
