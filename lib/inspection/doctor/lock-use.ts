import { READ_LOCK_USE } from '../../sql/inspection-doctor.js';
import type { Observer } from '../observer.js';
import { finding, type Finding } from './finding.js';
import type { ServerSettings } from './server-settings.js';

const FULL_SHARE = 0.5;

/** What the server says of itself and of its lock table. @internal */
export type LockUse = Partial<
  Readonly<Record<'locks' | 'waiting' | 'version' | 'versionText' | 'database' | 'recovery', string>>
>;

/** @internal */
export async function readLockUse(observer: Observer): Promise<LockUse> {
  const [row] = await observer.query<LockUse>(READ_LOCK_USE);
  return row ?? {};
}

/** How full the lock table is, and how many sessions wait. @internal */
export function lockUse(use: LockUse, settings: ServerSettings): Finding[] {
  const number = (name: string) => Number(settings.get(name)?.value ?? 0);
  const used = Number(use.locks);
  const waiting = Number(use.waiting);
  const size =
    number('max_locks_per_transaction') * (number('max_connections') + number('max_prepared_transactions'));
  const share = used / size;
  const text = `${used} locks in a table made for ${size} (${Math.round(share * 100)} %)`;
  return [
    share > FULL_SHARE
      ? finding(
          'lock table',
          'problem',
          text,
          'When it is full, statements of all sessions fail. Hold fewer locks, or raise max_locks_per_transaction.',
        )
      : finding('lock table', 'ok', text),
    waiting === 0
      ? finding('waiting', 'ok', 'no session waits for a lock')
      : finding(
          'waiting',
          'warning',
          waiting === 1 ? '1 session waits for a lock' : `${waiting} sessions wait for locks`,
          'See pglock tree.',
        ),
  ];
}
