import { jest } from '@jest/globals';
import type { PeerInfo, Peers } from '../../../lib/peers/peers.js';
import { WaitOrder } from '../../../lib/peers/wait-order.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';
import { monotonicMs } from '../../../lib/vocabulary/monotonic.js';
import type { OrderedRequest, WaitingLine } from '../../../lib/vocabulary/waiting-line.js';

const key = lockKey('a');

/** An order whose peers say what the test has them say. */
function ordered() {
  let say: (peer: string, ageMs: number) => void = () => undefined;
  const peers: Pick<Peers, 'tell' | 'on' | 'flush'> = {
    tell: () => Promise.resolve(),
    flush: () => undefined,
    on: (kind, listener) => {
      say = (peer, ageMs) => {
        const body = kind.read({ key: key.text, requests: [[1, ageMs, 0]] });
        if (body !== undefined) listener(body, { id: peer } as PeerInfo);
      };
      return () => undefined;
    },
  };
  const order = new WaitOrder(peers);
  return { order, say };
}

function line(workMs: number): WaitingLine {
  const ignore = () => undefined;
  return { key, requests: [], isInOrder: false, workMs, onLasting: ignore, reconsider: ignore };
}

const request = (): OrderedRequest => ({ shared: false, startedAt: monotonicMs(), told: 0 });

describe('the order of requests across processes', () => {
  afterEach(() => jest.useRealTimers());

  it('weighs the length of works by those that wait elsewhere, and by none that ended without a word', () => {
    jest.useFakeTimers();
    const { order, say } = ordered();
    for (let peer = 0; peer < 20; peer++) say(`ended ${peer}`, 1_000);
    expect(order.comesAfterOthers(line(50), request())).toBe(false);
    jest.advanceTimersByTime(60_000);
    expect(order.comesAfterOthers(line(Infinity), request())).toBe(false);
    say('there', 1_000);
    expect(order.comesAfterOthers(line(50), request())).toBe(true);
    order.close();
  });

  it('forgets those that ended also where others still wait', () => {
    jest.useFakeTimers();
    const { order, say } = ordered();
    for (let peer = 0; peer < 20; peer++) say(`ended ${peer}`, 1_000);
    jest.advanceTimersByTime(60_000);
    say('there', 1_000);
    expect(order.makesRoom(line(50), request())).toBe(true);
    order.close();
  });

  it('remembers no more than a thousand peers of a key, and of a key that is not awaited here those that are there', () => {
    jest.useFakeTimers();
    const { order, say } = ordered();
    const elsewhere = (order as unknown as { elsewhere: Map<string, Map<string, unknown>> }).elsewhere;
    const remembered = () => [...elsewhere.values()].reduce((sum, lines) => sum + lines.size, 0);
    for (let peer = 0; peer < 1_500; peer++) say(`ended ${peer}`, 1_000);
    expect(remembered()).toBe(1_000);
    jest.advanceTimersByTime(20_000);
    say('ended 7', 21_000);
    jest.advanceTimersByTime(10_000);
    say('there', 1_000);
    expect(remembered()).toBe(2);
    order.close();
  });
});
