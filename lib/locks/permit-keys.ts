import { hash } from 'node:crypto';
import { LockKey, type LockId } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';

/**
 * The key of one permit of an id: the `bigint` key of the first 8 bytes, read little-endian, of the SHA-256 of
 * `pglock permit <slot> of <classId>:<objId>:<objSubId>`, where the figures are those of the id's own key. Slots count from 1;
 * slot 0 is the queue of those who wait. Part of the contract between versions: it never changes.
 *
 * @internal
 */
export function permitKey(key: LockKey, slot: number): LockKey {
  return derived(`pglock permit ${slot} of ${key.text}`);
}

/**
 * By what those who wait for a permit are woken when one is given back. It is never locked: whatever is awaited under a key that is
 * would hold up its own queue.
 *
 * @internal
 */
export function permitSignal(key: LockKey): string {
  return derived(`pglock permit given back of ${key.text}`).text;
}

/** What people call a permit: `gpu (2 of 3)`. @internal */
export function permitName(id: LockId, slot: number, of: number): string {
  const name = typeof id === 'string' ? id : printable(id);
  return slot === 0 ? `${name} (queue for ${of} permits)` : `${name} (${slot} of ${of})`;
}

function derived(text: string): LockKey {
  const digest = hash('sha256', text, 'buffer');
  return LockKey.ofHalves(digest.readUInt32LE(4), digest.readUInt32LE(0));
}
