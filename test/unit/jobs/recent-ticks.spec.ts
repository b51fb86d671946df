import { RecentTicks } from '../../../lib/jobs/recent-ticks.js';
import { TickMemory } from '../../../lib/jobs/tick-memory.js';
import type { RecentTicksAnswer } from '../../../lib/jobs/tick-messages.js';
import type { AskOptions, PeerAnswer, PeerInfo, Peers } from '../../../lib/peers/peers.js';
import { monotonicMs } from '../../../lib/vocabulary/monotonic.js';
import { deferred } from '../../support/waiting.js';

const LONG_MS = 60_000;
const PATIENCE_MS = 30_000;
const claim = { job: 'j', at: 2_000_000_000_000, by: 'other', replica: 'h:1' };
const peer = (listensSince?: number): PeerInfo => ({
  ...{ id: 'other', pid: 1, pids: [1], applicationName: '', host: 'h', listensSince },
});

/** Peers that answer as the test says; for others it is waited until the test ends that. */
function asked(known: readonly PeerInfo[], answers: readonly RecentTicksAnswer[]) {
  const memory = new TickMemory();
  const waited = deferred<readonly PeerAnswer<RecentTicksAnswer>[]>();
  const given: PeerAnswer<RecentTicksAnswer>[] = [];
  const ask = (_kind: unknown, _body: unknown, { isEnough }: AskOptions<RecentTicksAnswer>) => {
    for (const body of answers) {
      given.push({ body, from: peer() });
      if (isEnough?.(given) === true) return Promise.resolve(given);
    }
    return waited.promise;
  };
  const peers = { id: 'me', listeningSince: monotonicMs(), ask, known: () => known } as unknown as Peers;
  const recent = new RecentTicks(peers, memory, LONG_MS);
  recent.ask();
  return { recent, memory, endWait: () => waited.resolve(given) };
}

describe('what was told right before one began to listen', () => {
  it('is known as soon as one answers that has listened for long', async () => {
    const { recent, memory } = asked([peer()], [{ claims: [claim], isWhole: true, isComplete: true }]);
    expect(recent.areKnown).toBe(false);
    await recent.whenKnown(PATIENCE_MS);
    expect(recent.areKnown).toBe(true);
    expect(memory.claimedByOther('j', claim.at, 'me', Infinity)).toMatchObject({ by: 'other' });
  });

  it('is known without more answers where all others have just begun, too, with what these have said', async () => {
    const { recent, memory } = asked(
      [peer(monotonicMs())],
      [{ claims: [claim], isWhole: true, isComplete: false }],
    );
    await recent.whenKnown(PATIENCE_MS);
    expect(recent.areKnown).toBe(true);
    expect(memory.find('j', claim.at)).toMatchObject({ by: 'other' });
  });

  it('is waited for where one is there that must know', async () => {
    const { recent, endWait } = asked([peer(monotonicMs() - LONG_MS)], []);
    await recent.whenKnown(1_000); // longer than those are waited for that know no more
    expect(recent.areKnown).toBe(false);
    endWait();
    await recent.whenKnown(PATIENCE_MS);
    expect(recent.areKnown).toBe(true);
  });

  it('is not known where an answer had no place for all of it, or the session is gone', async () => {
    const cut = asked([], [{ claims: [claim], isWhole: false, isComplete: true }]).recent;
    await cut.whenKnown(PATIENCE_MS);
    expect(cut.areKnown).toBe(false);
    const gone = asked([], [{ claims: [], isWhole: true, isComplete: true }]).recent;
    gone.forget();
    await gone.whenKnown(PATIENCE_MS);
    expect(gone.areKnown).toBe(false);
  });
});
