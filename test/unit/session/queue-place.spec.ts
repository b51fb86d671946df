import { jest } from '@jest/globals';
import { LockSession } from '../../../lib/session/lock-session.js';
import { PipelineDepth } from '../../../lib/session/pipeline-depth.js';
import { QueuePlace } from '../../../lib/session/queue-place.js';
import type { SessionPool } from '../../../lib/session/session-pool.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';
import { FACTS, FakeClient, nextTurn, serverError } from '../../support/fake-client.js';

let now = 0;

beforeEach(() => {
  now = 1_000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => jest.restoreAllMocks());

function stand() {
  const fake = new FakeClient();
  const session = new LockSession(fake.client, FACTS, {
    ...{ leaseMs: 5_000, trustMs: 4_000, depth: new PipelineDepth(0) },
  });
  const pool = { hasPlpgsql: true, openMain: undefined, giveBack: jest.fn(), onHolding: jest.fn() };
  const wait = { key: lockKey('a'), shared: false };
  const place = new QueuePlace(pool as unknown as SessionPool, session, wait);
  place.outcome.catch(() => undefined);
  return { fake, session, pool, place };
}

const granted = (value: 't' | 'f') => [{ rows: [] }, { rows: [{ 'pglock.wait': value }] }];

describe('a place in the queue of the server', () => {
  it('has the lock as soon as it is granted, where the lease was proved by the question', async () => {
    const { fake, session, place } = stand();
    await nextTurn();
    now += 1_999;
    fake.last.answer(granted('t'));
    expect((await place.outcome)?.alive).toBe(true);
    expect(fake.sent).toHaveLength(1);
    expect(session.holdCount).toBe(1);
  });

  it.each([
    ['took longer than the lease', 60_000],
    ['left less of the lease than a heartbeat needs', 2_001],
  ])('asks once more before the lock is relied on, where the wait %s', async (_, waitedMs) => {
    const { fake, place } = stand();
    await nextTurn();
    now += waitedMs;
    fake.last.answer(granted('t'));
    await nextTurn();
    expect(fake.last.text).toMatch(/SELECT$/);
    fake.last.answer();
    expect((await place.outcome)?.alive).toBe(true);
  });

  it('gives the session back with nothing on it when it was cancelled', async () => {
    const { fake, session, pool, place } = stand();
    await nextTurn();
    fake.last.answer(granted('f'));
    expect(await place.outcome).toBeNull();
    expect(session.holdCount).toBe(0);
    expect(pool.giveBack).toHaveBeenCalledWith(session);
  });

  it('releases what an error may have left, before the session is given back', async () => {
    const { fake, pool, place } = stand();
    await nextTurn();
    fake.last.fail(serverError('57014'));
    await nextTurn();
    expect(fake.last.text).toContain('pg_advisory_unlock_all');
    expect(pool.giveBack).not.toHaveBeenCalled();
    fake.last.answer();
    expect(await place.outcome).toBeNull();
    expect(pool.giveBack).toHaveBeenCalledTimes(1);
  });

  it.each(['42501', '42704'])('does without plpgsql once the server has refused it (%s)', async (code) => {
    const { fake, pool, place } = stand();
    await nextTurn();
    fake.last.fail(serverError(code));
    await nextTurn();
    fake.last.answer();
    expect(await place.outcome).toBeNull();
    expect(pool.hasPlpgsql).toBe(false);
  });

  it('has no lock when the session ends between its grant and the second look', async () => {
    const { fake, session, place } = stand();
    await nextTurn();
    now += 60_000;
    fake.last.answer(granted('t'));
    await nextTurn();
    session.destroy(new Error('over'));
    fake.last.fail(new Error('Connection terminated'));
    await expect(place.outcome).rejects.toThrow('over');
    expect(session.holdCount).toBe(0);
  });
});
