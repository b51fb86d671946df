import { setImmediate as nextTurn } from 'node:timers/promises';
import type { PgLockCore } from '../../lib/core/pg-lock-core.js';
import { JOBS_QUESTION } from '../../lib/jobs/job-questions.js';
import { WHO_LEADS } from '../../lib/leadership/leader-messages.js';
import type { DatabasePeers } from '../../lib/peers/database-peers.js';
import type { PeerInfo, PeerMessageKind, PeerQuestionKind } from '../../lib/peers/peers.js';
import { FlowVariable } from '../../lib/vocabulary/flow-variable.js';
import { openCore, openTwo } from '../support/cores.js';
import { deferred, eventually, inOneOf, useDatabase } from '../support/database.js';

const database = useDatabase();

const NUMBER: PeerMessageKind<number> = {
  name: 'number',
  read: (body) => (typeof body === 'number' ? body : undefined),
};

const DOUBLE: PeerQuestionKind<number, number> = {
  name: 'double?',
  readQuestion: NUMBER.read,
  readAnswer: NUMBER.read,
};

async function listening(core: PgLockCore): Promise<PgLockCore> {
  core.peers.keepListening();
  await eventually(() => core.peers.listeningSince !== undefined);
  return core;
}

const twoListening = async (): Promise<[PgLockCore, PgLockCore]> => {
  const [a, b] = openTwo(database);
  return [await listening(a), await listening(b)];
};

const heardBy = ({ peers }: PgLockCore) => {
  const heard: number[] = [];
  peers.on(NUMBER, (body) => heard.push(body));
  return heard;
};

describe('telling', () => {
  it('is heard by all others in order once they have asked the server, and not by oneself', async () => {
    const [a, b] = await twoListening();
    const c = await listening(openCore(database));
    const heard = [a, b, c].map(heardBy);
    await Promise.all([a.peers.tell(NUMBER, 1), a.peers.tell(NUMBER, 2)]);
    await a.peers.tell(NUMBER, 1);
    await Promise.all([a, b, c].map(({ peers }) => peers.sync()));
    expect(heard).toEqual([[], [1, 2, 1], [1, 2, 1]]);
  });

  it('says who speaks: the backend as the server names it, and what the process says of itself', async () => {
    const a = await listening(
      openCore(database, { connection: { connectionString: database.url, application_name: 'orders-api' } }),
    );
    const b = await listening(openCore(database));
    const from = deferred<PeerInfo>();
    b.peers.on(NUMBER, (_body, sender) => {
      from.resolve(sender);
    });
    await a.peers.tell(NUMBER, 1);
    const sender = await from.promise;
    const lock = await a.service.acquire('x');
    expect(sender).toMatchObject({
      id: a.peers.id,
      pid: lock!.pid,
      pids: [lock!.pid],
      applicationName: 'orders-api',
    });
    expect(sender.host).not.toBe('');
    await lock!.release();
  });

  it('rejects what no notification can carry, and tells what stood beside it', async () => {
    const [a, b] = await twoListening();
    const heard = heardBy(b);
    const long: PeerMessageKind<string> = { name: 'long', read: () => undefined };
    const results = await Promise.allSettled([
      a.peers.tell(long, 'x'.repeat(8_000)),
      a.peers.tell(NUMBER, 1),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    await b.peers.sync();
    expect(heard).toEqual([1]);
  });

  it('reaches nobody on another database of the same server', async () => {
    const [a, b] = await twoListening();
    const other = `${database.name}_other`;
    await database.admin.query(`CREATE DATABASE ${other}`);
    const url = new URL(database.url);
    url.pathname = `/${other}`;
    const stranger = await listening(openCore(database, { connection: url.href }));
    database.defer(async () => {
      await stranger.close();
      await database.admin.query(`DROP DATABASE ${other} WITH (FORCE)`);
    });
    const heard = heardBy(stranger);
    await a.peers.tell(NUMBER, 1);
    await Promise.all([b.peers.sync(), stranger.peers.sync()]);
    expect(heard).toEqual([]);
    expect(stranger.peers.known()).toEqual([]);
  });
});

describe('listening', () => {
  it('ignores hostile messages, and hears what comes behind them', async () => {
    const [a, b] = await twoListening();
    const heard = heardBy(b);
    for (const text of ['', '{', '[]', '{"v":1,"k":"number","i":"x","b":{}}', '['.repeat(7_900)])
      await database.admin.query('SELECT pg_notify($1, $2)', ['pglock', text]);
    await a.peers.tell(NUMBER, 1);
    await b.peers.sync();
    expect(heard).toEqual([1]);
  });

  it('keeps a listener that throws from no other', async () => {
    const [a, b] = await twoListening();
    b.peers.on(NUMBER, () => {
      throw new Error('a bad listener');
    });
    const heard = heardBy(b);
    await a.peers.tell(NUMBER, 1);
    await b.peers.sync();
    expect(heard).toEqual([1]);
  });

  it('runs outside of the flow in which it was begun', async () => {
    const flow = new FlowVariable<string>();
    const [a, b] = openTwo(database);
    const seen: unknown[] = [];
    await flow.run('mine', async () => {
      b.peers.on(NUMBER, () => seen.push(flow.getStore()));
      b.peers.onListening(() => seen.push(flow.getStore()));
      await listening(b);
      await listening(a);
      await a.peers.tell(NUMBER, 1);
      await b.peers.sync();
    });
    expect(seen).toEqual([undefined, undefined]);
  });

  it('has missed nothing since it listens, and says from when on after a lost session', async () => {
    const [a, b] = await twoListening();
    const first = b.peers.listeningSince!;
    const broken = deferred<number | undefined>();
    const resumed = deferred<number | undefined>();
    b.peers.onBreak(() => {
      broken.resolve(b.peers.listeningSince);
    });
    b.peers.onListening(() => {
      resumed.resolve(b.peers.listeningSince);
    });
    const lock = await b.service.acquire('x');
    await database.admin.query('SELECT pg_terminate_backend($1)', [lock!.pid]);
    expect(await broken.promise).toBeUndefined();
    expect(await resumed.promise).toBeGreaterThan(first);
    const heard = heardBy(b);
    await a.peers.tell(NUMBER, 1);
    await b.peers.sync();
    expect(heard).toEqual([1]);
  });

  it('relies on no answer of a session that was lost meanwhile', async () => {
    const [, b] = await twoListening();
    const lock = await b.service.acquire('x');
    const lost = deferred<boolean>();
    b.peers.onBreak(() => {
      lost.resolve(true);
    });
    await database.admin.query('SELECT pg_terminate_backend($1)', [lock!.pid]);
    const synced = b.peers.sync().then(
      () => 'resolved',
      () => 'rejected',
    );
    await lost.promise;
    expect(await synced).toBe('rejected');
    await eventually(() => b.peers.sync().then(() => true));
  });

  it('ends with the last who wants it', async () => {
    const core = openCore(database);
    const stops = [core.peers.keepListening(), core.peers.keepListening()];
    await eventually(() => core.peers.sync().then(() => true));
    for (const stop of stops) stop();
    stops[0]!();
    await core.close();
    await nextTurn();
    expect(await database.sessions()).toEqual([]);
  });
});

describe('asking', () => {
  it('collects the answers of all', async () => {
    const [a, b] = await twoListening();
    const c = await listening(openCore(database));
    b.peers.answer(DOUBLE, (n) => n * 2);
    c.peers.answer(DOUBLE, async (n) => Promise.resolve(n * 2));
    a.peers.answer(DOUBLE, () => -1);
    const answers = await a.peers.ask(DOUBLE, 21, { waitMs: 5_000, isEnough: ({ length }) => length === 2 });
    expect(answers.map(({ body }) => body)).toEqual([42, 42]);
    expect(answers.map(({ from }) => from.id).sort()).toEqual([b.peers.id, c.peers.id].sort());
  });

  it('ends in time when nobody answers, and hears no answer that cannot be read', async () => {
    const [a, b] = await twoListening();
    b.peers.answer(DOUBLE, () => 'two' as unknown as number);
    expect(await a.peers.ask(DOUBLE, 1, { waitMs: 50 })).toEqual([]);
    expect(await a.peers.ask(DOUBLE, 1, { waitMs: 0 })).toEqual([]);
  });

  it('ends when this process is closed, which waits for no answer', async () => {
    const [a] = await twoListening();
    const asked = a.peers.ask(DOUBLE, 1, { waitMs: 1_000_000 });
    await a.peers.sync();
    await a.close();
    expect(await asked).toEqual([]);
  });

  it('hears one answer of many who know the same, and each that differs', async () => {
    const [asker, ...others] = await Promise.all(
      Array.from({ length: 8 }, () => listening(openCore(database))),
    );
    others.forEach(({ peers }, i) => peers.answer(DOUBLE, () => (i === 0 ? 7 : 8), { suppressed: true }));
    // A process that stands still for as long as answers are held back hears none of the others in time.
    await inOneOf(10, async () => {
      const answers = await asker!.peers.ask(DOUBLE, 1, { waitMs: 400 });
      const bodies = answers.map(({ body }) => body);
      expect(bodies.filter((body) => body === 7)).toEqual([7]);
      expect(bodies.filter((body) => body === 8).length).toBeGreaterThan(0);
      expect(bodies.length).toBeLessThan(8);
    });
  });
});

describe('who is there', () => {
  const knows = ({ peers }: PgLockCore, others: readonly PgLockCore[]) => {
    const ids = peers.known().map(({ id }) => id);
    return ids.length === others.length && others.every((other) => ids.includes(other.peers.id));
  };

  it('is known to those who came before and after, until they say goodbye', async () => {
    const [a, b] = await twoListening();
    const c = await listening(openCore(database));
    await eventually(() => knows(a, [b, c]) && knows(b, [a, c]) && knows(c, [a, b]));
    await c.close();
    await eventually(() => knows(a, [b]) && knows(b, [a]));
  });

  it('is known to one that comes at once, whatever else may wait to be told', async () => {
    const a = await listening(openCore(database));
    void a.peers.tellWithin(NUMBER, 1, 3_600_000).catch(() => undefined);
    const b = await listening(openCore(database));
    await eventually(() => knows(b, [a]));
  });

  it('is forgotten without a word when its backend is gone', async () => {
    const [a, b] = await twoListening();
    await eventually(() => knows(a, [b]));
    const silent = JSON.stringify({ v: 1, k: 'hello', i: 'silent', b: {} });
    const client = await database.connect();
    await client.query('SELECT pg_notify($1, $2)', ['pglock', silent]);
    await a.peers.sync();
    const peers = a.peers as DatabasePeers;
    await peers.forgetGone();
    expect(peers.known().map(({ id }) => id)).toContain('silent');
    await client.end();
    await eventually(async () => {
      await peers.forgetGone();
      return knows(a, [b]);
    });
  });
});

describe('a question to all', () => {
  it('is answered by processes that have nothing to tell, so that none is waited for in vain', async () => {
    const [asking, other] = await twoListening();
    await eventually(() => asking.peers.known().length === 1);
    for (const kind of [JOBS_QUESTION, WHO_LEADS] as PeerQuestionKind<object, unknown>[]) {
      const isEnough = (answers: readonly unknown[]) => answers.length === 1;
      const [answer] = await asking.peers.ask(kind, { page: 0 }, { waitMs: 20_000, isEnough });
      expect(answer?.from.id).toBe(other.peers.id);
    }
    expect(await asking.jobs.find()).toEqual([]);
  });
});

describe('a process that shuts down', () => {
  it('lingers for no tick of a clock that is far ahead', async () => {
    const core = await listening(openCore(database));
    const ahead = { at: Date.now() + 3_600_000, by: 'other', replica: 'other', late: 0, announcedAt: 0 };
    core.jobs.context.memory.note('job', { ...ahead, end: undefined }, core.peers.id);
    const startedAt = performance.now();
    await core.close();
    expect(performance.now() - startedAt).toBeLessThan(core.options.shutdown.timeoutMs / 2);
  });
});
