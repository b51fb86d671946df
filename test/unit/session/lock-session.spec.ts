import { HEARTBEAT } from '../../../lib/sql/lock-session.js';
import { jest } from '@jest/globals';
import { LockSessionError } from '../../../lib/errors/lock-session.error.js';
import type { TryOp } from '../../../lib/session/lock-command.js';
import { LockSession } from '../../../lib/session/lock-session.js';
import type { HeldKey } from '../../../lib/session/lock-store.js';
import { PipelineDepth } from '../../../lib/session/pipeline-depth.js';
import type { SessionLock } from '../../../lib/session/session-lock.js';
import { tryCode } from '../../../lib/sql/advisory-lock.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';
import { wakingClock } from '../../../lib/vocabulary/waking-clock.js';
import { FACTS, FakeClient, nextTurn, serverError, type SentStatement } from '../../support/fake-client.js';

const LEASE = 5_000;
const TRUST = 4_000;

let now = 0;

beforeEach(() => {
  now = 1_000;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => jest.restoreAllMocks());

function open(fake: FakeClient, version = FACTS.version, roundTripMs = 5) {
  const init = { leaseMs: LEASE, trustMs: TRUST, depth: new PipelineDepth(roundTripMs) };
  const session = new LockSession(fake.client, { ...FACTS, version }, init);
  const told: string[] = [];
  session.owner = {
    explain: (error) => error,
    onEnded: (_session, error) => told.push(`ended: ${error.message}`),
    onLost: (_session, _error, locksLost) => told.push(`lost: ${String(locksLost)}`),
  };
  return { session, told };
}

function attempt(id: string): TryOp & { readonly outcome: Promise<HeldKey | null> } {
  const key = lockKey(id);
  let op!: TryOp;
  const outcome = new Promise<HeldKey | null>((onAcquired, onError) => {
    op = {
      key,
      shared: false,
      code: tryCode(key, false),
      onAcquired,
      onUnavailable: () => onAcquired(null),
      onError,
    };
  });
  outcome.catch(() => undefined);
  return { ...op, outcome };
}

async function acquire(fake: FakeClient, session: LockSession, id: string): Promise<SessionLock> {
  const op = attempt(id);
  session.tryLock(op);
  await nextTurn();
  fake.last.refuse();
  return (await op.outcome) as SessionLock;
}

describe('a lock session', () => {
  it('fuses what is asked for in one turn, and tells each what became of it', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    const [a, b, c] = ['a', 'b', 'c'].map(attempt) as [
      ReturnType<typeof attempt>,
      ReturnType<typeof attempt>,
      ReturnType<typeof attempt>,
    ];
    for (const op of [a, b, c]) session.tryLock(op);
    await nextTurn();
    expect(fake.sent).toHaveLength(1);
    fake.last.refuse(2);
    expect(await b.outcome).toBeNull();
    expect([(await a.outcome)?.alive, (await c.outcome)?.alive]).toEqual([true, true]);
    expect(session.holdCount).toBe(2);
  });

  it.each([
    ['next to the server has two full statements under way, and nothing behind one that is not full', 0.1, 2],
    ['far from the server sends all it has', 5, 3],
  ])('%s', async (_, roundTripMs, expected) => {
    const fake = new FakeClient(true);
    const { session } = open(fake, FACTS.version, roundTripMs);
    const ops = Array.from({ length: 1_200 }, (_each, n) => attempt(`order:${n}`));
    for (const op of ops) session.tryLock(op);
    await nextTurn();
    expect(fake.sent).toHaveLength(expected);
    fake.sent[0]?.refuse(7);
    await nextTurn();
    expect(await ops[6]?.outcome).toBeNull();
    expect(fake.sent).toHaveLength(expected);
    fake.sent[1]?.refuse();
    await nextTurn();
    expect(fake.sent).toHaveLength(3);
    fake.sent[2]?.refuse();
    const outcomes = await Promise.all(ops.map(({ outcome }) => outcome));
    expect(outcomes.filter((lock) => lock?.alive)).toHaveLength(1_199);
  });

  it('sends at once what nothing of the same turn would go with', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    const lock = await acquire(fake, session, 'a');
    const before = fake.sent.length;
    const released = session.unlock(lock);
    session.flush();
    expect(fake.sent).toHaveLength(before + 1);
    await nextTurn();
    expect(fake.sent).toHaveLength(before + 1);
    fake.last.answer();
    await released;
  });

  it('without a pipeline has one statement under way, however full the next one is', async () => {
    const fake = new FakeClient();
    const { session } = open(fake, FACTS.version, 0.1);
    for (let n = 0; n < 1_200; n++) session.tryLock(attempt(`order:${n}`));
    for (let sent = 1; sent <= 3; sent++) {
      await nextTurn();
      expect(fake.sent).toHaveLength(sent);
      fake.last.refuse();
    }
  });

  it('gives a lock up whose answer came later than the lease allows', async () => {
    const fake = new FakeClient();
    const { session, told } = open(fake);
    const op = attempt('a');
    session.tryLock(op);
    await nextTurn();
    now += TRUST;
    fake.last.refuse();
    await expect(op.outcome).rejects.toThrow('came later than the lease');
    expect(told).toEqual([expect.stringContaining('came later'), 'lost: 0']);
    expect(fake.calls).toContain('cut');
  });

  it.each(['57P01', '57P02', '57P05'])(
    'is over as soon as the server says so (%s), and cuts itself off',
    async (code) => {
      const fake = new FakeClient();
      const { session } = open(fake);
      const lock = await acquire(fake, session, 'a');
      const lost = jest.fn();
      lock.listener = { onKeyLost: lost };
      const asked = session.run('SELECT 1');
      await nextTurn();
      fake.last.fail(serverError(code));
      expect(lost).toHaveBeenCalledTimes(1);
      expect([lock.alive, session.isOpen]).toEqual([false, false]);
      await expect(asked).rejects.toMatchObject({ code });
    },
  );

  it('tells holders before its owner, and all of them, whatever one of them throws', async () => {
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const fake = new FakeClient();
    const { session, told } = open(fake);
    for (const id of ['a', 'b', 'c']) {
      const lock = await acquire(fake, session, id);
      lock.listener = {
        onKeyLost: () => {
          told.push(id);
          throw new Error(`of ${id}`);
        },
      };
    }
    fake.emit('error', new Error('cut'));
    expect(told.slice(0, 1)).toEqual(['ended: cut']);
    expect(told.slice(1, 4).sort()).toEqual(['a', 'b', 'c']);
    expect(told[4]).toBe('lost: 3');
    expect(warnings).toHaveBeenCalledTimes(3);
    fake.emit('end');
    expect(told).toHaveLength(5);
  });

  it('takes no lock over once it has ended', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    session.destroy(new Error('over'));
    expect(session.adopt(lockKey('a'), false)).toBeUndefined();
    const op = attempt('a');
    session.tryLock(op);
    await expect(op.outcome).rejects.toThrow('over');
    await expect(session.run('SELECT 1')).rejects.toThrow('over');
  });

  it('resolves a release whose session ends, before or after it was asked for', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    const [a, b] = [await acquire(fake, session, 'a'), await acquire(fake, session, 'b')];
    const releasing = session.unlock(a);
    session.destroy(new Error('over'));
    await releasing;
    await session.unlock(b);
  });

  it('closes within a second beside a server that does not answer', async () => {
    jest.useFakeTimers({ doNotFake: ['performance', 'setImmediate'] });
    try {
      const fake = new FakeClient();
      const { session, told } = open(fake);
      await acquire(fake, session, 'a');
      const closing = session.close();
      await nextTurn();
      jest.advanceTimersByTime(1_000);
      await closing;
      expect(fake.calls).toContain('cut');
      expect(told).toEqual([]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('says what it was asked for, and releases everything, before it closes', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    await acquire(fake, session, 'a');
    session.run('SELECT pg_notify()').catch(() => undefined);
    const closing = session.close();
    await nextTurn();
    expect(fake.last.text).toBe('SELECT pg_notify()');
    fake.last.answer();
    await nextTurn();
    expect(fake.last.text).toContain('pg_advisory_unlock_all');
    fake.last.answer();
    await closing;
    expect(fake.calls.indexOf('end')).toBeLessThan(fake.calls.indexOf('cut'));
    await expect(session.run('SELECT 1')).rejects.toThrow(LockSessionError);
  });
});

describe('the heartbeat of a lock session', () => {
  it('is sent only while something is held, and when nothing else was asked for a while', async () => {
    const fake = new FakeClient();
    const { session } = open(fake, 130_000);
    now += 2_000;
    session.beat(2_000);
    await nextTurn();
    expect(fake.sent).toHaveLength(0);
    const lock = await acquire(fake, session, 'a');
    now += 1_999;
    session.beat(2_000);
    await nextTurn();
    expect(fake.sent).toHaveLength(1);
    now += 1;
    session.beat(2_000);
    await nextTurn();
    expect(fake.last.text).toBe(HEARTBEAT.text);
    fake.last.answer();
    const released = session.unlock(lock);
    await nextTurn();
    fake.last.refuse();
    await released;
    now += 60_000;
    session.beat(2_000);
    await nextTurn();
    expect(fake.sent).toHaveLength(3);
  });

  it('ends the lease at the server instead, when a session that held something is idle', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    const lock = await acquire(fake, session, 'a');
    const released = session.unlock(lock);
    await nextTurn();
    fake.last.refuse();
    await released;
    now += 2_000;
    session.beat(2_000);
    await nextTurn();
    expect(fake.last.text).toContain("set_config('idle_session_timeout', '0'");
    fake.last.answer();
    now += 60_000;
    session.beat(2_000);
    await nextTurn();
    expect(fake.sent).toHaveLength(3);
  });

  it('gives locks up that were not confirmed for as long as they are trusted, although an answer is awaited', async () => {
    const fake = new FakeClient();
    const { session, told } = open(fake);
    const lock = await acquire(fake, session, 'a');
    now += 2_000;
    session.beat(2_000);
    await nextTurn();
    now += 1_999;
    session.beat(2_000);
    expect(lock.alive).toBe(true);
    now += 1;
    expect(lock.alive).toBe(false);
    session.beat(2_000);
    expect(told).toEqual([expect.stringContaining('did not answer within the lease'), 'lost: 1']);
  });

  it('gives locks up when the machine has slept for longer than the lease, and believes no answer from before', async () => {
    const fake = new FakeClient();
    const { session, told } = open(fake);
    const lock = await acquire(fake, session, 'a');
    session.beat(0);
    await nextTurn();
    const clock = jest.spyOn(wakingClock, 'now').mockImplementation(() => now + 60_000);
    expect(lock.alive).toBe(false);
    fake.last.answer();
    expect([lock.alive, told[1]]).toEqual([false, 'lost: 1']);
    clock.mockRestore();
  });

  it('counts a statement that was cancelled as answered', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    const lock = await acquire(fake, session, 'a');
    for (let i = 0; i < 3; i++) {
      now += 2_000;
      session.beat(2_000);
      await nextTurn();
      fake.last.fail(serverError('57014'));
      now += 1_900;
    }
    expect(lock.alive).toBe(true);
    now += 2_100;
    expect(lock.alive).toBe(false);
  });

  it('brings no lock back that could not be trusted any more, whenever the answer comes', async () => {
    const fake = new FakeClient();
    const { session, told } = open(fake);
    const lock = await acquire(fake, session, 'a');
    now += 2_000;
    session.beat(2_000);
    await nextTurn();
    now += 2_100;
    expect(lock.alive).toBe(false);
    fake.last.answer(); // sent 2.1 s ago, within the lease
    expect(lock.alive).toBe(false);
    expect(told).toEqual([expect.stringContaining('came later'), 'lost: 1']);
  });
});

describe('a batch that fails', () => {
  const own = (...ids: readonly string[]) => ({
    rows: ids.map((id) => {
      const { classId, objId, objSubId } = lockKey(id);
      return { classId: String(classId), objId: String(objId), objSubId: String(objSubId), shared: 'f' };
    }),
  });

  it('leaves nothing that it acquired all the same, and reports its error only then', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    const kept = await acquire(fake, session, 'kept');
    const [a, b] = [attempt('a'), attempt('b')];
    session.tryLock(a);
    session.tryLock(b);
    await nextTurn();
    fake.last.fail(serverError('53200'));
    const reported = jest.fn();
    a.outcome.catch(reported);
    await nextTurn();
    expect(fake.last.text).toContain('pg_locks');
    fake.last.answer(own('kept', 'a'));
    await nextTurn();
    expect(fake.last.text).toContain('pg_advisory_unlock(k)');
    expect(reported).not.toHaveBeenCalled();
    fake.last.answer();
    await nextTurn();
    fake.last.answer(own('kept'));
    await expect(a.outcome).rejects.toMatchObject({ code: '53200' });
    await expect(b.outcome).rejects.toMatchObject({ code: '53200' });
    expect([kept.alive, session.holdCount]).toEqual([true, 1]);
  });

  it('leaves the locks that are held alone, however often another session cancels what puts it right', async () => {
    const fake = new FakeClient();
    const { session, told } = open(fake);
    const kept = await acquire(fake, session, 'kept');
    const [a, b] = [attempt('a'), attempt('b')];
    session.tryLock(a);
    session.tryLock(b);
    await nextTurn();
    fake.last.fail(serverError('57014'));
    for (let i = 0; i < 100; i++) {
      await nextTurn();
      fake.last.fail(serverError('57014'));
    }
    await nextTurn();
    fake.last.answer(own('kept', 'a', 'b'));
    await nextTurn();
    expect(fake.last.text).toContain('pg_advisory_unlock(k)');
    fake.last.fail(serverError('57014')); // one of the two was released before
    await nextTurn();
    fake.last.answer(own('kept', 'b'));
    await nextTurn();
    fake.last.answer();
    await nextTurn();
    fake.last.answer(own('kept'));
    await expect(a.outcome).rejects.toMatchObject({ code: '57014' });
    await expect(b.outcome).rejects.toMatchObject({ code: '57014' });
    expect([kept.alive, session.holdCount, told]).toEqual([true, 1, []]);
  });

  it('releases all that it acquired in one statement', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    const ids = Array.from({ length: 300 }, (_, i) => `id ${String(i)}`);
    const tries = ids.map(attempt);
    for (const one of tries) session.tryLock(one);
    await nextTurn();
    fake.last.fail(serverError('53200'));
    await nextTurn();
    fake.last.answer(own(...ids));
    await nextTurn();
    fake.last.answer();
    await nextTurn();
    fake.last.answer(own());
    await Promise.allSettled(tries.map(({ outcome }) => outcome));
    expect(fake.sent).toHaveLength(4);
  });

  it('is given up, and the session with it, when it was cancelled for ten seconds', async () => {
    const fake = new FakeClient();
    const { session, told } = open(fake);
    const op = attempt('a');
    session.tryLock(op);
    await nextTurn();
    fake.last.fail(serverError('57014'));
    for (let i = 0; i < 7; i++) {
      await nextTurn();
      now += 1_999;
      fake.last.fail(serverError('57014'));
    }
    await nextTurn();
    expect(told[0]).toContain('could not be brought back to a known state');
  });

  it('ends a session whose state cannot be known', async () => {
    const fake = new FakeClient();
    const { session, told } = open(fake);
    const op = attempt('a');
    session.tryLock(op);
    await nextTurn();
    fake.last.fail(serverError('53200'));
    await nextTurn();
    fake.last.fail(serverError('XX000'));
    await nextTurn();
    expect(told[0]).toContain('could not be brought back to a known state');
    await expect(op.outcome).rejects.toMatchObject({ code: '53200' });
  });

  it('in a pipeline waits for what is under way behind it, and tries that again', async () => {
    const fake = new FakeClient(true);
    const { session } = open(fake);
    const [a, b] = [attempt('a'), attempt('b')];
    session.tryLock(a);
    await nextTurn();
    session.tryLock(b);
    await nextTurn();
    expect(fake.sent).toHaveLength(2);
    const [first, second] = fake.sent;
    first?.fail(serverError('57014'));
    await nextTurn();
    expect(fake.sent).toHaveLength(2);
    second?.refuse();
    await nextTurn();
    fake.last.answer(own('a', 'b'));
    await nextTurn();
    fake.last.answer();
    await nextTurn();
    fake.last.answer(own());
    await expect(a.outcome).rejects.toMatchObject({ code: '57014' });
    await nextTurn();
    expect(fake.last.text).toContain('pg_try_advisory_lock');
    fake.last.refuse();
    expect((await b.outcome)?.alive).toBe(true);
    expect(session.holdCount).toBe(1);
  });

  it.each([
    ['has acquired', (sent: SentStatement | undefined) => sent?.refuse()],
    [
      'that fails as well has acquired',
      (sent: SentStatement | undefined) => sent?.fail(serverError('57014')),
    ],
  ])('in a pipeline releases what a statement behind it %s', async (_, answer) => {
    const fake = new FakeClient(true);
    const { session } = open(fake);
    session.tryLock(attempt('a'));
    await nextTurn();
    session.tryLock(attempt('b'));
    await nextTurn();
    const [first, second] = fake.sent;
    first?.fail(serverError('57014'));
    answer(second);
    await nextTurn();
    fake.last.answer(own('b'));
    await nextTurn();
    expect(fake.last.text).toContain('pg_advisory_unlock');
    fake.last.answer();
    await nextTurn();
    fake.last.answer(own());
  });

  it('in a pipeline ends the lease of nobody: whatever follows a try that failed asks for it again', async () => {
    const fake = new FakeClient(true);
    const { session } = open(fake);
    const [a, b] = [attempt('a'), attempt('b')];
    session.tryLock(a);
    await nextTurn();
    session.tryLock(b);
    await nextTurn();
    fake.sent[0]?.fail(serverError('57014'));
    fake.sent[1]?.refuse();
    await nextTurn();
    fake.last.answer(own());
    await nextTurn();
    fake.last.refuse();
    await b.outcome;
    now += 2_000;
    session.beat(2_000);
    await nextTurn();
    expect(fake.last.text).toBe(HEARTBEAT.text);
  });
});

describe('a process', () => {
  it('is kept alive by a lock session only while that holds or is asked for something', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    expect(fake.calls).toEqual(['unref']);
    const lock = await acquire(fake, session, 'a');
    expect(fake.calls).toEqual(['unref', 'ref']);
    const released = session.unlock(lock);
    await nextTurn();
    fake.last.refuse();
    await released;
    expect(fake.calls).toEqual(['unref', 'ref', 'unref']);
    session.keepProcess(true);
    expect(fake.calls).toEqual(['unref', 'ref', 'unref', 'ref']);
  });

  it('is kept alive by a lock that a statement of its own has acquired', async () => {
    const fake = new FakeClient();
    const { session } = open(fake);
    const answered = session.waitFor(() => 'SELECT pg_advisory_lock(1)');
    await nextTurn();
    fake.last.refuse();
    await answered;
    session.adopt(lockKey('a'), false);
    expect(fake.calls).toEqual(['unref', 'ref', 'unref', 'ref']);
  });
});

describe('a session that waits again for what it gives up', () => {
  async function standAgain(pipeline: boolean) {
    const fake = new FakeClient(pipeline);
    const { session } = open(fake);
    const lock = await acquire(fake, session, 'a');
    const from = fake.sent.length;
    const released = session.unlock(lock);
    void session.waitFor((beginLease) => `${beginLease === undefined ? '' : 'LEASE; '}WAIT`);
    void session.run('LATER').catch(() => undefined);
    await nextTurn();
    const texts = () => fake.sent.slice(from).map(({ text }) => (text.includes('unlock') ? 'UNLOCK' : text));
    return { fake, from, released, texts };
  }

  it('stands in the queue without a round trip in between, and sends nothing behind its wait', async () => {
    const { fake, from, released, texts } = await standAgain(true);
    expect(texts()).toEqual(['UNLOCK', 'WAIT']);
    fake.sent[from]?.refuse();
    await released;
    await nextTurn();
    expect(texts()).toEqual(['UNLOCK', 'WAIT']);
    fake.sent[from + 1]?.answer();
    await nextTurn();
    expect(texts()).toEqual(['UNLOCK', 'WAIT', 'LATER']);
  });

  it('waits after the release was answered, where the driver has one statement under way at a time', async () => {
    const { fake, from, released, texts } = await standAgain(false);
    expect(texts()).toEqual(['UNLOCK']);
    fake.sent[from]?.refuse();
    await released;
    await nextTurn();
    expect(texts()).toEqual(['UNLOCK', 'WAIT']);
  });

  it('begins the lease anew that its release has ended', async () => {
    const fake = new FakeClient(true);
    const { session } = open(fake);
    const lock = await acquire(fake, session, 'a');
    now += 2_000;
    const from = fake.sent.length;
    void session.unlock(lock);
    void session.waitFor((beginLease) => `${beginLease === undefined ? '' : 'LEASE; '}WAIT`);
    await nextTurn();
    expect(fake.sent.slice(from).at(-1)?.text).toBe('LEASE; WAIT');
  });
});
