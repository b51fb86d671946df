import { otherServer } from '../../session/server-check.js';
import type { Observer } from '../observer.js';
import { finding, type Finding } from './finding.js';
import type { LockUse } from './lock-use.js';

const OLDEST_SUPPORTED = 130_000;

/** A connection that knows what stands between it and the server. @internal */
export interface PlaceObserver extends Observer {
  /** Whether no pooler stands between that gives each statement another backend. */
  isDirect(): Promise<boolean>;
  /** Whether a load balancer stands between that sends some statements to a standby. */
  isBalanced(): Promise<boolean>;
}

/** Which server it is, and what stands before it. @internal */
export async function place(observer: PlaceObserver, use: LockUse): Promise<Finding[]> {
  const other = otherServer(use.versionText ?? '');
  if (other !== undefined)
    return [
      finding(
        'server',
        'problem',
        `${other.name}, database ${use.database ?? ''}`,
        `Session-level locks are refused: ${other.why}.`,
      ),
    ];
  return [server(await observer.version(), use), ...replica(use), await pooler(observer)];
}

function server(version: number, use: LockUse): Finding {
  const text = `PostgreSQL ${use.version ?? ''}, database ${use.database ?? ''}`;
  if (version < OLDEST_SUPPORTED)
    return finding('server', 'problem', text, 'Versions before 13 are not supported.');
  if (version >= 140_000) return finding('server', 'ok', text);
  return finding('server', 'info', text, 'Before 14 the server does not tell since when a lock is awaited.');
}

function replica({ recovery }: LockUse): Finding[] {
  if (recovery !== 't') return [];
  return [
    finding(
      'role of server',
      'problem',
      'this is a read replica (hot standby); a lock there excludes no session of the primary',
      'Locks are refused here. Connect to the primary, or set sessions.allowStandby to lock among the sessions of this standby only.',
    ),
  ];
}

async function pooler(observer: PlaceObserver): Promise<Finding> {
  if (await observer.isBalanced())
    return finding(
      'pooler',
      'problem',
      'a load balancer such as pgpool-II stands between, which sends some statements to a standby',
      'Session-level locks need sessions.directConnection to the primary; transaction-level locks are kept on the primary.',
    );
  if (await observer.isDirect()) return finding('pooler', 'ok', 'connected to the server itself');
  return finding(
    'pooler',
    'problem',
    'a pooler stands between, which may give each statement another backend',
    'Session-level locks need sessions.directConnection, or a pooler in session mode with sessions.trustPooler.',
  );
}
