import fc from 'fast-check';
import { Lease } from '../../../lib/session/lease.js';

const TRUST = 4_000;

describe('a lease', () => {
  it('is trusted from when the session was opened, until the trust is over', () => {
    const lease = new Lease(TRUST, 100);
    expect([lease.isTrusted(100), lease.isTrusted(4_099), lease.isTrusted(4_100)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('counts from when the answered statement was sent, not from when its answer came', () => {
    const lease = new Lease(TRUST, 0);
    expect(lease.answered(1_000, 0, 4_500)).toBe(true);
    expect([lease.isTrusted(4_999), lease.isTrusted(5_000)]).toEqual([true, false]);
  });

  it('is proved by no answer that comes later than it would last', () => {
    const lease = new Lease(TRUST, 0);
    expect(lease.answered(1_000, 0, 5_000)).toBe(false);
    expect(lease.isTrusted(5_000)).toBe(false);
  });

  it('is not proved by the answer of a statement that took long by itself, and not ended by it either', () => {
    const lease = new Lease(TRUST, 0);
    expect(lease.answered(1_000, Infinity, 60_000)).toBe(true);
    expect(lease.isTrusted(60_000)).toBe(false);
  });

  it('with locks ends by what was proved, whatever was asked since; without, by an overdue answer', () => {
    const lease = new Lease(TRUST, 0);
    const dueAt = lease.dueAt(3_900, 0);
    expect(dueAt).toBe(7_900);
    expect([lease.isExpired(3_999, true, dueAt), lease.isExpired(4_000, true, dueAt)]).toEqual([false, true]);
    expect([lease.isExpired(7_899, false, dueAt), lease.isExpired(7_900, false, dueAt)]).toEqual([
      false,
      true,
    ]);
    expect(lease.isExpired(1e9, false, undefined)).toBe(false);
    expect(lease.isExpired(1e9, false, lease.dueAt(0, Infinity))).toBe(false);
  });

  it('is never trusted for longer than the server keeps it, whenever answers come', () => {
    const round = fc.record({ gap: fc.nat(9_000), delay: fc.nat(9_000) });
    fc.assert(
      fc.property(fc.array(round, { maxLength: 30 }), (rounds) => {
        const lease = new Lease(TRUST, 0);
        let now = 0;
        let heardByServer = 0;
        for (const { gap, delay } of rounds) {
          const sentAt = now + gap;
          now = sentAt + delay;
          heardByServer = sentAt; // at the earliest
          lease.answered(sentAt, 0, now);
          expect(lease.isTrusted(heardByServer + TRUST)).toBe(false);
          expect(lease.isTrusted(now)).toBe(now < heardByServer + TRUST);
        }
      }),
    );
  });
});
