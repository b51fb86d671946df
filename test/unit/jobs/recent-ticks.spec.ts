import { RecentTicks } from '../../../lib/jobs/recent-ticks.js';
import { TickMemory } from '../../../lib/jobs/tick-memory.js';
import type { RecentTicksAnswer } from '../../../lib/jobs/tick-messages.js';
import type { AskOptions, PeerAnswer, PeerInfo, Peers } from '../../../lib/peers/peers.js';
import { monotonicMs } from '../../../lib/vocabulary/monotonic.js';

const LONG_MS = 4_000;
const claim = { job: 'j', at: 2_000_000_000_000, by: 'other', replica: 'h:1' };
const peer = (listensSince?: number): PeerInfo => ({
  ...{ id: 'other', pid: 1, pids: [1], applicationName: '', host: 'h', listensSince },
});

/** Peers that answer as the test says. */
function asked(known: readonly PeerInfo[], answers: readonly RecentTicksAnswer[]) {
  const memory = new TickMemory();
  const ask = (_kind: unknown, _body: unknown, { waitMs, isEnough }: AskOptions<RecentTicksAnswer>) => {
    const given: PeerAnswer<RecentTicksAnswer>[] = [];
    for (const body of answers) {
      given.push({ body, from: peer() });
      if (isEnough?.(given) === true) return Promise.resolve(given);
    }
    return new Promise((resolve) => setTimeout(() => resolve(given), waitMs).unref());
  };
  const peers = { id: 'me', listeningSince: monotonicMs(), ask, known: () => known } as unknown as Peers;
  const recent = new RecentTicks(peers, memory, LONG_MS);
  recent.ask();
  return { recent, memory };
}

async function settled(recent: RecentTicks): Promise<number> {
  const startedAt = monotonicMs();
  await recent.whenKnown(5_000);
  return monotonicMs() - startedAt;
}

describe('what was told right before one began to listen', () => {
  it('is known as soon as one answers that has listened for long', async () => {
    const { recent, memory } = asked([peer()], [{ claims: [claim], isWhole: true, isComplete: true }]);
    expect(recent.areKnown).toBe(false);
    expect(await settled(recent)).toBeLessThan(300);
    expect(recent.areKnown).toBe(true);
    expect(memory.claimedByOther('j', claim.at, 'me')).toMatchObject({ by: 'other' });
  });

  it('is known soon where all others have just begun, too, with what these have said', async () => {
    const { recent, memory } = asked(
      [peer(monotonicMs())],
      [{ claims: [claim], isWhole: true, isComplete: false }],
    );
    expect(await settled(recent)).toBeLessThan(900);
    expect(recent.areKnown).toBe(true);
    expect(memory.find('j', claim.at)).toMatchObject({ by: 'other' });
  });

  it('is waited for where one is there that must know', async () => {
    const { recent } = asked([peer(monotonicMs() - LONG_MS)], []);
    expect(await settled(recent)).toBeGreaterThan(900);
    expect(recent.areKnown).toBe(true);
  });

  it('is not known where an answer had no place for all of it, or the session is gone', async () => {
    const cut = asked([], [{ claims: [claim], isWhole: false, isComplete: true }]).recent;
    await settled(cut);
    expect(cut.areKnown).toBe(false);
    const gone = asked([], [{ claims: [], isWhole: true, isComplete: true }]).recent;
    gone.forget();
    await settled(gone);
    expect(gone.areKnown).toBe(false);
  });
});
