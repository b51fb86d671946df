import { readdirSync } from 'node:fs';
import { DeadlockError } from '../../../lib/errors/deadlock.error.js';
import { LockLostError } from '../../../lib/errors/lock-lost.error.js';
import { LockNotAvailableError } from '../../../lib/errors/lock-not-available.error.js';
import { LockSessionError } from '../../../lib/errors/lock-session.error.js';
import { LockTableBudgetError } from '../../../lib/errors/lock-table-budget.error.js';
import { LockTargetError } from '../../../lib/errors/lock-target.error.js';
import { PermissionError } from '../../../lib/errors/permission.error.js';
import { PgLockConfigurationError } from '../../../lib/errors/pg-lock-configuration.error.js';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { PgLockError } from '../../../lib/errors/pg-lock.error.js';
import { ReadReplicaError } from '../../../lib/errors/read-replica.error.js';
import { ServerNotSupportedError } from '../../../lib/errors/server-not-supported.error.js';
import { PoolerError } from '../../../lib/errors/pooler.error.js';
import { PrioritizeError } from '../../../lib/errors/prioritize.error.js';
import { UnreadableAnswerError } from '../../../lib/errors/unreadable-answer.error.js';
import { TransactionStateError } from '../../../lib/errors/transaction-state.error.js';
import { translateError } from '../../../lib/session/translate-error.js';

const cause = new Error('the driver said so');
const settled = { status: 'fulfilled', value: 1 } as const;

const FAMILY = [
  ['DeadlockError', '40P01', () => new DeadlockError('m', { cause })],
  ['LockLostError', 'PGLOCK_LOST', () => new LockLostError('m', 'id', { cause })],
  [
    'LockNotAvailableError',
    '55P03',
    () => new LockNotAvailableError('m', { id: 'id', waited: 5 }, { cause }),
  ],
  ['LockSessionError', '08006', () => new LockSessionError('m', { cause })],
  ['LockTableBudgetError', '53200', () => new LockTableBudgetError('m', { cause })],
  ['LockTargetError', '42P01', () => new LockTargetError('m', { cause })],
  ['PermissionError', '42501', () => new PermissionError('m', { cause })],
  ['PgLockConfigurationError', 'PGLOCK_CONFIGURATION', () => new PgLockConfigurationError('m', { cause })],
  ['PgLockUsageError', 'PGLOCK_USAGE', () => new PgLockUsageError('m', { cause })],
  ['ReadReplicaError', 'PGLOCK_READ_REPLICA', () => new ReadReplicaError('m', { cause })],
  ['ServerNotSupportedError', 'PGLOCK_SERVER', () => new ServerNotSupportedError('m', { cause })],
  ['PoolerError', 'PGLOCK_POOLER', () => new PoolerError('m', { cause })],
  ['PrioritizeError', 'PGLOCK_PRIORITIZE', () => new PrioritizeError('m', settled, { cause })],
  ['UnreadableAnswerError', 'PGLOCK_UNREADABLE_ANSWER', () => new UnreadableAnswerError('m', { cause })],
  ['TransactionStateError', '25P01', () => new TransactionStateError('m', { cause })],
] as const;

describe('the family of errors', () => {
  it.each(FAMILY)('%s has code %s, its name, its cause and its text', (name, code, make) => {
    const error = make();
    expect(error).toBeInstanceOf(PgLockError);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name, code, cause, message: 'm' });
    expect(error.stack).toContain(`${name}: m`);
  });

  it('has no cause where none is given', () => {
    expect(new DeadlockError('m')).not.toHaveProperty('cause');
  });

  it('is all here, one class a file', () => {
    const files = readdirSync(new URL('../../../lib/errors/', import.meta.url));
    expect(files.filter((file) => file !== 'pg-lock.error.ts')).toHaveLength(FAMILY.length);
  });

  it('knows the id, and how long was waited', () => {
    expect(new LockNotAvailableError('m', { id: ['a', 2], waited: 7 })).toMatchObject({
      id: ['a', 2],
      waited: 7,
    });
    expect(new LockLostError('m', 5n)).toMatchObject({ id: 5n });
  });
});

describe('translateError', () => {
  const withCode = (code: string) => Object.assign(new Error('server text'), { code });

  it.each([
    ['53200', LockTableBudgetError],
    ['40P01', DeadlockError],
    ['42501', PermissionError],
  ])('turns SQLSTATE %s into its class, and keeps the cause', (code, expected) => {
    const original = withCode(code);
    const error = translateError(original, 'advisory key 1:2:1') as Error;
    expect(error).toBeInstanceOf(expected);
    expect(error.cause).toBe(original);
    expect(error.message).toContain('advisory key 1:2:1');
  });

  it('leaves everything else as it is', () => {
    for (const other of [withCode('08006'), new Error('x'), 'text', undefined])
      expect(translateError(other, 'x')).toBe(other);
  });

  it('is recognised by another copy of the library, class by class', () => {
    class LockLostErrorOfAnotherCopy extends PgLockError {
      readonly code = 'PGLOCK_LOST';

      constructor() {
        super('m');
      }
    }
    // As the other copy has it: no class of its chain is one of ours.
    Object.defineProperty(LockLostErrorOfAnotherCopy, 'name', { value: 'LockLostError' });
    Object.setPrototypeOf(LockLostErrorOfAnotherCopy.prototype, Error.prototype);
    const foreign: unknown = Reflect.construct(Error, ['m'], LockLostErrorOfAnotherCopy);
    expect(Object.prototype.isPrototypeOf.call(PgLockError.prototype, foreign as object)).toBe(false);
    expect(foreign).toBeInstanceOf(LockLostError);
    expect(foreign).toBeInstanceOf(PgLockError);
    expect(foreign).not.toBeInstanceOf(LockNotAvailableError);
    for (const other of [new Error('m'), null, undefined, 'text', { constructor: 1 }])
      expect(other).not.toBeInstanceOf(LockLostError);
  });
});
