import { setTimeout as delay } from 'node:timers/promises';
import { PermissionError } from '../../errors/permission.error.js';
import type { SessionIdentity } from '../../inspection/lock-query.js';
import type { SignalOutcome } from '../../inspection/signal-outcome.js';
import type { WatchedDatabase } from '../watched-database.js';
import { isMicroseconds, startMs, type SignalRequest } from './signal-request.js';
import type { SignalAction } from '../../vocabulary/signal.js';

/**
 * Signals one session, the very one that was shown: whatever has its pid by now is left alone. With `escalateAfterMs` a
 * session that was cancelled and still blocks after so long is terminated.
 *
 * @internal
 */
export async function signalSession(
  database: WatchedDatabase,
  { pid, backendStart, action, escalateAfterMs }: SignalRequest,
): Promise<SignalOutcome> {
  const session = await identityOf(database, pid, backendStart);
  if (session === undefined) return gone(pid, action);
  const began = performance.now();
  const outcome = await send(database, action, session);
  if (escalateAfterMs === undefined || outcome.outcome !== 'stillBlocking') return outcome;
  await delay(Math.max(0, escalateAfterMs - (performance.now() - began)));
  if ((await activityOf(database, session.pid))?.backendStartText !== session.backendStartText)
    return outcome;
  return send(database, 'terminate', session);
}

async function send(
  { locks }: WatchedDatabase,
  action: SignalAction,
  session: SessionIdentity,
): Promise<SignalOutcome> {
  const { pid } = session;
  const question = { pids: [pid], sessions: [session] };
  try {
    const [outcome] = await (action === 'cancel'
      ? locks.cancelActivity(question)
      : locks.terminateActivity(question));
    return outcome ?? gone(pid, action);
  } catch (error) {
    if (!(error instanceof PermissionError)) throw error;
    return { ...gone(pid, action), outcome: 'notPermitted', reason: error.message };
  }
}

/** The session with that pid, if it began at that instant. */
async function identityOf(
  database: WatchedDatabase,
  pid: number,
  backendStart: string,
): Promise<SessionIdentity | undefined> {
  if (isMicroseconds(backendStart)) return { pid, backendStartText: backendStart };
  const activity = await activityOf(database, pid);
  if (activity?.backendStart?.getTime() !== startMs(backendStart)) return undefined;
  return { pid, backendStartText: activity.backendStartText };
}

async function activityOf({ locks }: WatchedDatabase, pid: number) {
  const [lock] = await locks.find({ pids: [pid], limit: 1 });
  return lock?.activity;
}

function gone(pid: number, action: SignalAction): SignalOutcome {
  return { pid, action, outcome: 'gone', reason: null, activity: null, activityIds: [] };
}
