import { setTimeout as delay } from 'node:timers/promises';
import { now } from './cluster.js';
import { kept, leased, lost, signal, type Fault, type Scene } from './fault.js';

/** How long a crowd is at work around a blocked event loop. */
const CROWD_MS = 2_500;
const READERS = { ms: 4_000, flows: 4, mostMs: 120 };
/** How long a writer waits for readers who hold for {@link READERS} `mostMs` at the most, on a machine that is busy. */
const WRITER_WITHIN_MS = 3_000;
const DEADLOCK_WITHIN_MS = 10_000;
const WAITED_FOR = 10;
const HELD_IDS = 500;

/** What applications do that once fooled the engine; some of it with a mishap beside it. */
export const KINDS: readonly Fault[] = [
  {
    ...kept,
    name: 'task queues between flows',
    meets: 'everybody',
    apply: async ({ cluster }) => {
      await Promise.all(cluster.replicas.map((replica) => replica.ask('queues', { ms: 1_500 })));
      return undefined;
    },
  },
  {
    ...lost,
    name: 'backend terminated while every listener throws',
    apply: terminateAmongThrowingListeners,
  },
  {
    ...kept,
    name: 'an inner maxHold is over',
    through: 'work',
    apply: async ({ victim, h, key, fail }) => {
      const { lostAt } = await victim.ask('nest', { h, key, maxHold: 200, ms: 600 });
      if (lostAt === undefined) fail('signal first', 'an inner maxHold is over: its handle is not told');
      return undefined;
    },
  },
  {
    ...lost,
    imposed: false,
    name: 'an outer maxHold is over',
    through: 'work',
    hold: { maxHold: 2_500 },
    apply: ({ victim, h, key, fail }) => {
      const nested = victim.ask('nest', { h, key, ms: 3_500 });
      return Promise.resolve(async () => {
        const { lostAt, isLate } = await nested;
        if (lostAt === undefined && isLate !== true)
          fail('signal first', 'an outer maxHold is over: the inner handle is not told');
      });
    },
  },
  {
    ...leased,
    name: 'event loop blocked with a crowd in line',
    needsLease: true,
    loopRuns: false,
    apply: async (scene) => {
      const { victim, other, cluster, tag } = scene;
      const blockedMs = cluster.leaseMs * 1.5;
      const crowd = { key: `crowd:${tag}`, ms: blockedMs + CROWD_MS };
      const crowds = [
        victim.ask('crowd', { ...crowd, count: 6 }),
        other.ask('crowd', { ...crowd, count: 2 }),
      ];
      await delay(200);
      await victim.ask('block', { ms: blockedMs });
      scene.runsFrom = now();
      return () => Promise.all(crowds);
    },
  },
  { ...kept, name: 'ten locks that were waited for are held, and one more waits', apply: waitForMany },
  { ...kept, name: 'readers of all processes take turns', meets: 'everybody', apply: readInTurns },
  {
    ...kept,
    name: 'a deadlock between two roles',
    apply: async (scene) => deadlock(scene, [], 'a deadlock between two roles'),
  },
  {
    ...kept,
    name: 'a deadlock among 500 held ids',
    apply: async (scene) => {
      const more = Array.from({ length: HELD_IDS - 1 }, (_, i) => `held:${scene.tag}:${String(i)}`);
      return deadlock(scene, more, 'a deadlock among 500 held ids');
    },
  },
];

/** Everything else that the backend held is told as well. */
async function terminateAmongThrowingListeners(scene: Scene): Promise<() => Promise<void>> {
  const { victim, tag, pid, fail } = scene;
  const { hs } = (await victim.ask('holdMany', {
    keys: Array.from({ length: 5 }, (_, i) => `told:${tag}:${String(i)}`),
  })) as unknown as { hs: readonly { h: string; pid: number }[] };
  await victim.ask('throwing', { isOn: true });
  await signal(scene, 'terminate', pid);
  return async () => {
    for (const { h, pid: held } of hs) {
      const { lostAt } = await victim.ask('status', { h });
      if (held === pid && lostAt === undefined) fail('signal first', `${h} is not told of its loss`);
      await victim.ask('drop', { h });
    }
    await victim.ask('throwing', { isOn: false });
  };
}

/** The bound on sessions is for those that wait, not for those that have what they waited for. */
async function waitForMany({ cluster, victim, other, tag, fail }: Scene): Promise<undefined> {
  const mine: unknown[] = [];
  for (let i = 0; i <= WAITED_FOR; i++) {
    const key = `many:${tag}:${String(i)}`;
    const theirs = await other.ask('hold', { keys: [key], through: 'nothing' });
    const asked = victim.ask('hold', { keys: [key], through: 'nothing', timeout: 25_000 });
    asked.catch(() => undefined);
    await cluster.waitForWaiter(key).catch(() => {
      fail('no waiter starves', `${String(i)} locks that were waited for are held: one more only polls`);
    });
    await other.ask('drop', { h: theirs['h'] });
    mine.push((await asked)['h']);
  }
  for (const h of mine) await victim.ask('drop', { h });
  return undefined;
}

async function readInTurns({ cluster, victim, tag, fail }: Scene): Promise<undefined> {
  const key = `readers:${tag}`;
  const reading = cluster.replicas.map((replica) => replica.ask('readers', { key, ...READERS }));
  await delay(300);
  const { ok, name } = await victim.ask('try', { key, timeout: WRITER_WITHIN_MS });
  if (ok !== true) fail('no waiter starves', `a writer behind readers of all processes: ${String(name)}`);
  await Promise.all(reading);
  return undefined;
}

/** Two flows of two processes, each of which wants what the other has. */
async function deadlock(
  { victim, other, tag, fail }: Scene,
  more: string[],
  what: string,
): Promise<undefined> {
  const [a, b] = [`cycle:${tag}:a`, `cycle:${tag}:b`];
  const middle = more.length / 2;
  const first = await victim.ask('hold', {
    keys: [...more.slice(0, middle), a, ...more.slice(middle)],
    through: 'work',
  });
  const second = await other.ask('hold', { keys: [b], through: 'work' });
  const from = now();
  const crossed = await Promise.allSettled([
    victim.ask('cross', { h: first['h'], key: b }),
    other.ask('cross', { h: second['h'], key: a }),
  ]);
  const outcomes = crossed
    .map((result) => String(result.status === 'fulfilled' ? result.value['outcome'] : result.reason))
    .sort();
  if (outcomes.join() !== 'DeadlockError,ran') fail('deadlocks end', `${what}: ${outcomes.join()}`);
  else if (now() - from > DEADLOCK_WITHIN_MS)
    fail('deadlocks end', `${what}: after ${String(now() - from)} ms`);
  return undefined;
}
