import { serialize } from 'pg-protocol';
import { preparedMessage } from '../../../lib/session/prepared-message.js';
import { fusedLockOps, singleLockOp, type KeyOp } from '../../../lib/sql/advisory-lock.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';

const op = (id: Parameters<typeof lockKey>[0], code: KeyOp['code']): KeyOp => ({ key: lockKey(id), code });

/** What the driver sends for the same, but for how it asks for text: a list of one format, and an empty list. */
function asTheDriver(name: string, values: readonly unknown[]): Buffer {
  const bind = serialize.bind({ statement: name, values: [...values] });
  const withoutFormats = Buffer.concat([bind.subarray(0, -4), Buffer.from([0, 0])]);
  withoutFormats.writeInt32BE(withoutFormats.length - 1, 1);
  return Buffer.concat([withoutFormats, serialize.execute({}), serialize.sync()]);
}

describe('preparedMessage', () => {
  it.each([
    ['one key', singleLockOp(op('billing.close', 'x'))],
    ['a pair of integers', singleLockOp(op([-1, 2 ** 31 - 1], 'V'))],
    ['many keys', fusedLockOps([op(-1n, 'u')], [op('a', 'x'), op('b', 'x')])],
    ['keys with their codes', fusedLockOps([op('x', 'u')], [op(1, 's'), op([-1, 2], 'X')])],
    ['no values', { name: 'nothing', values: [] }],
    ['a text of more bytes than characters', { name: 'texts', values: ['Schlüssel', Buffer.from('ü'), '€'] }],
  ])('says what the driver says: %s', (_, { name, values }) => {
    expect(preparedMessage({ name, values })).toEqual(asTheDriver(name, values));
  });
});
