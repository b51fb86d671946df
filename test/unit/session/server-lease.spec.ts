import { ServerLease } from '../../../lib/session/server-lease.js';

describe('the lease at the server', () => {
  it('begins with the first try, and is asked for again until that is answered', () => {
    const lease = new ServerLease('toggled');
    expect(lease.mayEnd).toBe(false);
    expect([lease.forTries(0), lease.forTries(1)]).toEqual(['begin', 'begin']);
    lease.answered('begin', lease.mark);
    expect(lease.forTries(2)).toBeUndefined();
    expect(lease.mayEnd).toBe(true);
  });

  it('is asked for again when the statement that began it has failed', () => {
    const lease = new ServerLease('toggled');
    lease.forTries(0);
    lease.failed('begin');
    expect(lease.forTries(1)).toBe('begin');
  });

  it('ends with the last release, unless it has just begun', () => {
    const lease = new ServerLease('toggled');
    expect(lease.forLastRelease(0)).toBeUndefined();
    lease.forTries(0);
    lease.answered('begin', lease.mark);
    expect(lease.forLastRelease(900)).toBeUndefined();
    expect(lease.forLastRelease(1_000)).toBe('end');
    expect(lease.mayEnd).toBe(false);
  });

  it('ends, when it has just begun, after the session was idle for a while', () => {
    const lease = new ServerLease('toggled');
    lease.forTries(0);
    expect(lease.forIdling()).toBe('end');
    expect(lease.forIdling()).toBeUndefined();
  });

  it('is not on by an answer to what was asked before its end', () => {
    const lease = new ServerLease('toggled');
    lease.forTries(0);
    const { mark } = lease;
    lease.forIdling();
    lease.answered('begin', mark);
    expect(lease.forTries(1)).toBe('begin');
  });

  it('may still be on when the statement that ended it has failed', () => {
    const lease = new ServerLease('toggled');
    lease.forTries(0);
    lease.answered('begin', lease.mark);
    lease.failed(lease.forLastRelease(2_000));
    expect(lease.mayEnd).toBe(true);
    expect(lease.forIdling()).toBe('end');
  });

  it.each(['always', 'never'] as const)('is said nothing of where it is %s on', (kind) => {
    const lease = new ServerLease(kind);
    expect([lease.forTries(0), lease.forLastRelease(9_999), lease.forIdling()]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(lease.mayEnd).toBe(kind === 'always');
  });
});
