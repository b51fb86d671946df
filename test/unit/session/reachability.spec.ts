import { LockSessionError } from '../../../lib/errors/lock-session.error.js';
import { ReadReplicaError } from '../../../lib/errors/read-replica.error.js';
import { PoolerError } from '../../../lib/errors/pooler.error.js';
import { firstFailure, isHopeless, isPassing, unreachable } from '../../../lib/session/reachability.js';

const failure = (code: string | undefined, message = 'it failed') =>
  Object.assign(new Error(message), { code });

describe('what waiting can mend', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'EAI_AGAIN', 'ENOENT'])(
    'is a network that fails with %s',
    (code) => {
      expect(isPassing(failure(code))).toBe(true);
    },
  );

  it.each(['08006', '57P01', '57P03', '53300', '53100'])('is a server that says %s', (code) => {
    expect(isPassing(failure(code))).toBe(true);
  });

  it.each([
    'Connection terminated unexpectedly',
    'timeout expired',
    'Client was closed and is not queryable',
  ])('is what the driver says without a code: %s', (message) => {
    expect(isPassing(failure(undefined, message))).toBe(true);
  });

  it.each(['28P01', '28000', '3D000', '42501', 'SELF_SIGNED_CERT_IN_CHAIN', 'ERR_TLS_CERT_ALTNAME_INVALID'])(
    'is not %s',
    (code) => {
      expect(isPassing(failure(code))).toBe(false);
    },
  );

  it('is a host that is not found only where there was a connection before', () => {
    const unknown = failure('ENOTFOUND', 'getaddrinfo ENOTFOUND no.such.host');
    const first = firstFailure(unknown);
    expect([isPassing(unknown), isPassing(first)]).toEqual([true, false]);
    expect(first).toMatchObject({ code: 'PGLOCK_CONFIGURATION', cause: unknown });
    expect(firstFailure(failure('ECONNREFUSED'))).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('is a lock session that ended, and no other error of the library', () => {
    expect(isPassing(new LockSessionError('ended'))).toBe(true);
    expect(isPassing(new PoolerError('pooler'))).toBe(false);
    expect(isPassing(new TypeError('a bug'))).toBe(false);
  });
});

describe('what is hopeless', () => {
  it.each([...['28P01', '3D000', 'ENOTFOUND', 'SELF_SIGNED_CERT_IN_CHAIN'].map((code) => failure(code))])(
    'is %s',
    (error) => {
      expect(isHopeless(error)).toBe(true);
    },
  );

  it('is a pooler or a replica, and neither a lost session nor a bug', () => {
    expect([new PoolerError('pooler'), new ReadReplicaError('replica')].map(isHopeless)).toEqual([
      true,
      true,
    ]);
    for (const error of [
      failure('57P03'),
      failure('ECONNREFUSED'),
      new LockSessionError('ended'),
      new TypeError('bug'),
    ])
      expect(isHopeless(error)).toBe(false);
  });
});

describe('the error for callers that do not wait', () => {
  it('has a code and the cause', () => {
    const cause = failure('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1');
    const error = unreachable(cause) as LockSessionError;
    expect(error).toBeInstanceOf(LockSessionError);
    expect(error).toMatchObject({ code: '08006', cause });
    expect(error.message).toContain('ECONNREFUSED');
  });

  it('is the very same where it says enough', () => {
    for (const error of [failure('28P01'), new PoolerError('pooler'), new LockSessionError('ended')])
      expect(unreachable(error)).toBe(error);
  });
});
