import { hash } from 'node:crypto';
import type { LockKey } from '../vocabulary/lock-id.js';

/** Bytes of a digest that name a job on the wire. */
const LENGTH = 16;

/**
 * What two replicas mean by "the same job": equal for equal lock keys (the namespace is in them) and equal names. The
 * database is the third part: peers speak within one.
 *
 * @internal
 */
export function jobIdentity(keys: readonly LockKey[], name: string): string {
  const locks = keys.map((key) => key.text).join(',');
  return hash('sha256', `${locks}\n${name}`, 'base64url').slice(0, LENGTH);
}
