import type { PgActivity } from '../../lib/inspection/pg-activity.js';
import type { BlockedPgLock, PgLock } from '../../lib/inspection/pg-lock.js';

/** The moment at which all models of tests are looked at. */
const NOW = Date.UTC(2026, 10, 27, 3, 0, 0);
const ago = (milliseconds: number) => new Date(NOW - milliseconds);

/** A session as `find` would give it back, running for five seconds. */
export function activity(pid: number, given: Partial<PgActivity> = {}): PgActivity {
  return {
    pid,
    database: 'shop',
    user: 'app',
    applicationName: 'orders-api',
    clientAddress: '10.0.3.17',
    backendType: 'client backend',
    state: 'active',
    waitEventType: null,
    waitEvent: null,
    query: 'SELECT 1',
    context: null,
    duration: 5_000,
    xactDuration: 5_000,
    backendStart: ago(3_600_000),
    xactStart: ago(5_000),
    queryStart: ago(5_000),
    stateChange: ago(5_000),
    backendStartText: `2026-11-27 02:00:00.${String(pid).padStart(6, '0')}`,
    ...given,
  };
}

/** A granted table lock of such a session. */
export function lock(session: PgActivity, given: Partial<PgLock> = {}): PgLock {
  return {
    activityId: session.pid,
    activity: session,
    type: 'RELATION',
    mode: 'ACCESS SHARE',
    granted: true,
    waitStart: null,
    waitDuration: null,
    relKind: 'TABLE',
    relName: 'users',
    relSchema: 'public',
    advisoryKey: null,
    advisoryId: null,
    advisoryNames: [],
    transactionId: null,
    preparedTransaction: null,
    ...given,
  };
}

/** A table lock that one session awaits and another is in the way of. */
export function blockedLock(
  session: PgActivity,
  blocker: PgActivity,
  given: Partial<PgLock> = {},
): BlockedPgLock {
  return {
    ...lock(session, { granted: false, waitStart: ago(3_000), waitDuration: 3_000, ...given }),
    blockingActivityId: blocker.pid,
    blockingActivity: blocker,
  };
}
