import { idText, keyText } from '../vocabulary/lock-key-text.js';
import { oneLine } from '../vocabulary/one-line.js';
import type { AdvisoryName } from './names/advisory-name.js';
import type { PgLock } from './pg-lock.js';

type LockedThing = Pick<
  PgLock,
  'type' | 'relName' | 'relSchema' | 'advisoryId' | 'advisoryKey' | 'advisoryNames' | 'transactionId'
>;

/** What is locked, in few words. @internal */
export function lockedThing(lock: LockedThing): string {
  const relation =
    lock.relName === null
      ? ''
      : oneLine(`${lock.relSchema ?? ''}.${lock.relName}`.replace(/^(public)?\./, ''));
  switch (lock.type) {
    case 'ADVISORY':
      return advisoryText(lock);
    case 'RELATION':
      return relation || 'a relation';
    case 'TRANSACTIONID':
      return relation === '' ? `transaction ${lock.transactionId ?? ''}`.trim() : `a row of ${relation}`;
    case 'TUPLE':
      return relation === '' ? 'a row' : `a row of ${relation}`;
    case 'VIRTUALXID':
      return 'virtual transaction';
    default:
      return `${lock.type.toLowerCase()}${relation === '' ? '' : ` of ${relation}`}`;
  }
}

/** What is awaited, in words. @internal */
export function lockText(lock: LockedThing & Pick<PgLock, 'mode'>): string {
  if (lock.type === 'TRANSACTIONID' || lock.type === 'TUPLE') return lockedThing(lock);
  const advisory = lock.type === 'ADVISORY' ? 'advisory ' : '';
  return `${lock.mode} on ${advisory}${lockedThing(lock)}`;
}

/** An advisory lock by its id, else by its key as it is typed after `--id`, and who may have taken it. */
function advisoryText({ advisoryId, advisoryKey, advisoryNames }: LockedThing): string {
  if (typeof advisoryId === 'string') return oneLine(idText(advisoryId));
  if (advisoryKey === null) return 'advisory lock';
  const names = namesText(advisoryNames);
  return names === '' ? keyText(advisoryKey) : `${keyText(advisoryKey)} (${names})`;
}

/** Who takes such a key: `prisma migrate`, or `prisma migrate?` where nothing confirms it. @internal */
export function namesText(names: readonly AdvisoryName[]): string {
  const [first, ...others] = names;
  if (first === undefined) return '';
  const more = others.length === 0 ? '' : ` or ${others.length} other${others.length === 1 ? '' : 's'}`;
  return `${oneLine(first.name)}${more}${first.certain ? '' : '?'}`;
}
