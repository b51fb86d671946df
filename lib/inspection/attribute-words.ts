import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { LOCK_MODES } from '../vocabulary/lock-mode.js';
import { printable } from '../vocabulary/printable.js';

/** The values of attributes that have a fixed list of them, by the last part of the path, as rows spell them. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  mode: [...LOCK_MODES, 'SI READ'],
  type: [
    'RELATION',
    'EXTEND',
    'FROZENID',
    'PAGE',
    'TUPLE',
    'TRANSACTIONID',
    'VIRTUALXID',
    'SPECTOKEN',
    'OBJECT',
    'USERLOCK',
    'ADVISORY',
    'APPLYTRANSACTION',
  ],
  relKind: [
    'TABLE',
    'INDEX',
    'SEQUENCE',
    'TOAST',
    'VIEW',
    'MATERIALIZED_VIEW',
    'COMPOSITE_TYPE',
    'FOREIGN_TABLE',
    'PARTITIONED_TABLE',
    'PARTITIONED_INDEX',
  ],
  state: [
    'active',
    'idle',
    'idle in transaction',
    'idle in transaction (aborted)',
    'fastpath function call',
    'starting',
    'disabled',
    'prepared transaction',
  ],
};

/**
 * A value of such an attribute, however it is spelled: `ACCESS EXCLUSIVE`, `access_exclusive` and `AccessExclusiveLock` are
 * one mode. A value that the attribute never has would match nothing for a reason that is not seen.
 *
 * @throws {PgLockUsageError} when there is no such value; the message lists those that there are.
 * @internal
 */
export function attributeWord(path: string, value: string): string {
  const words = WORDS[path.slice(path.lastIndexOf('.') + 1)];
  if (words === undefined) return value;
  const found = words.find((word) => folded(word) === folded(value));
  if (found !== undefined) return found;
  throw new PgLockUsageError(`There is no ${path} ${printable(value)}. There are: ${words.join(', ')}.`);
}

function folded(word: string): string {
  return word
    .replace(/[^a-z]/gi, '')
    .toLowerCase()
    .replace(/lock$/, '');
}
