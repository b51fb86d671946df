import { namesText } from '../inspection/lock-text.js';
import type { PgLock } from '../inspection/pg-lock.js';
import { idText, keyText } from '../vocabulary/lock-key-text.js';
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

/** By its id, else by who may have taken it, else by its key as it is typed after `--id`. */
function advisory({ advisoryKey, advisoryId, advisoryNames }: PgLock): LockLabel {
  if (advisoryKey === null) return { key: 'advisory:?', kind: 'advisory', name: 'advisory lock' };
  const { classId, objId, objSubId } = advisoryKey;
  const others = namesText(advisoryNames);
  const name = typeof advisoryId === 'string' ? idText(advisoryId) : others || keyText(advisoryKey);
  return { key: `advisory:${classId}:${objId}:${objSubId}`, kind: 'advisory', name };
}
