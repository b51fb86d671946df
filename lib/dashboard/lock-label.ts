import type { PgLock } from '../inspection/pg-lock.js';
import type { LockLabel } from './wire.js';

/** What a lock is on, in words and as a key. @internal */
export function lockLabel(lock: PgLock): LockLabel {
  if (lock.type === 'ADVISORY') return advisory(lock);
  const relation = relationOf(lock);
  if (relation !== null && isOnRow(lock))
    return { key: `row:${relation}`, kind: 'row', name: `row of ${relation}` };
  if (relation !== null) return { key: `table:${relation}`, kind: 'table', name: relation };
  if (lock.transactionId !== null)
    return {
      key: `transaction:${lock.transactionId}`,
      kind: 'transaction',
      name: `transaction ${lock.transactionId}`,
    };
  const name = lock.type.toLowerCase();
  return { key: `other:${name}`, kind: 'other', name };
}

function isOnRow({ type }: PgLock): boolean {
  return type === 'TUPLE' || type === 'TRANSACTIONID';
}

function relationOf({ relName, relSchema }: PgLock): string | null {
  if (relName === null) return null;
  return relSchema === null || relSchema === 'public' ? relName : `${relSchema}.${relName}`;
}

function advisory({ advisoryKey, advisoryId }: PgLock): LockLabel {
  const key =
    advisoryKey === null ? '?' : [advisoryKey.classId, advisoryKey.objId, advisoryKey.objSubId].join(':');
  const name = advisoryId === null ? key : idText(advisoryId);
  return { key: `advisory:${key}`, kind: 'advisory', name };
}

function idText(id: NonNullable<PgLock['advisoryId']>): string {
  return typeof id === 'object' ? id.join(',') : String(id);
}
