import { READ_SYNC_REP } from '../../sql/inspection-doctor.js';
import { finding, type Finding } from './finding.js';
import { lockUse, readLockUse } from './lock-use.js';
import { leftovers } from './leftovers.js';
import { place, type PlaceObserver } from './place.js';
import { privileges } from './privileges.js';
import { roleLimits } from './role-limits.js';
import { readServerSettings, settingFindings } from './server-settings.js';

/** What the doctor looks through. @internal */
export interface Examined {
  readonly observer: PlaceObserver;
  /** For how long a transaction may be idle, in milliseconds. @default 5 minutes */
  readonly idleTooLongMs?: number | undefined;
}

/** Looks at everything that decides about locks. @internal */
export async function examine({ observer, idleTooLongMs }: Examined): Promise<readonly Finding[]> {
  const use = await readLockUse(observer);
  const found = await place(observer, use);
  const settings = await readServerSettings({ observer });
  const inRecovery = use.recovery === 't';
  return [
    ...found,
    ...(await privileges(observer)),
    ...settingFindings(settings),
    ...(await roleLimits(observer, settings)),
    ...lockUse(use, settings),
    ...(await leftovers(observer, idleTooLongMs)),
    ...(inRecovery ? [] : await standbys(observer)),
  ];
}

async function standbys(observer: PlaceObserver): Promise<Finding[]> {
  const [row] = await observer.query<{ waiting: string; names: string }>(READ_SYNC_REP);
  const waiting = Number(row?.waiting);
  if (waiting === 0) return [];
  return [
    finding(
      'replication',
      'warning',
      `${waiting} ${waiting === 1 ? 'session has' : 'sessions have'} committed and wait for a synchronous standby`,
      `A signal would report success for what is not replicated. Bring the standby back, or change synchronous_standby_names (now '${row?.names ?? ''}').`,
    ),
  ];
}
