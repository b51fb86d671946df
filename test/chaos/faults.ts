import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Welcome } from '../support/proxy.js';
import { pgBouncerIsInstalled } from '../support/pgbouncer.js';
import { MAJOR, now, type Cluster } from './cluster.js';
import { kept, leased, lost, QUICK_MS, signal, type Fault, type Scene } from './fault.js';
import { KINDS } from './kinds.js';

/** In the long form a minute, once for each cluster. */
const LONG_MS = process.env['PGLOCK_CHAOS'] === 'full' ? 60_000 : 5_000;
const AWAY_MS = 5_000;
const wereAwayForLong = new WeakSet<Cluster>();

const MISHAPS: readonly Fault[] = [
  {
    ...lost,
    name: 'backend terminated',
    apply: async (scene) => signal(scene, 'terminate', scene.pid),
  },
  {
    ...kept,
    name: "waiter's backend terminated",
    meets: 'both',
    apply: async (scene) => signal(scene, 'terminate', scene.waiterPid),
  },
  {
    ...kept,
    name: 'backends cancelled, again and again',
    meets: 'both',
    apply: async (scene) => {
      for (const until = now() + 400; now() < until;) {
        await delay(5);
        for (const pid of [scene.pid, scene.waiterPid]) await signal(scene, 'cancel', pid);
      }
      return undefined;
    },
  },
  {
    ...lost,
    name: 'process killed (SIGKILL)',
    loopRuns: false,
    apply: async ({ cluster, victim }) => {
      await victim.child.kill();
      return () => cluster.replace(victim);
    },
  },
  {
    ...leased,
    name: 'process stopped for longer than the lease',
    needsLease: true,
    loopRuns: false,
    apply: async (scene) => stop(scene),
  },
  {
    ...kept,
    name: 'process stopped briefly',
    apply: async ({ victim }) => {
      victim.child.signal('SIGSTOP');
      await delay(300);
      victim.child.signal('SIGCONT');
      return undefined;
    },
  },
  {
    ...leased,
    name: 'event loop blocked for longer than the lease',
    needsLease: true,
    loopRuns: false,
    apply: async (scene) => {
      await scene.victim.ask('block', { ms: scene.cluster.leaseMs * 1.5 });
      scene.runsFrom = now();
      return undefined;
    },
  },
  {
    ...kept,
    name: 'event loop blocked briefly',
    apply: async ({ victim }) => {
      await victim.ask('block', { ms: 300 });
      return undefined;
    },
  },
  {
    ...lost,
    name: 'server restarted, fast',
    meets: 'everybody',
    apply: async (scene) => restart(scene, () => scene.cluster.server.restart('fast')),
  },
  {
    ...lost,
    name: 'server restarted, immediate',
    meets: 'everybody',
    apply: async (scene) => restart(scene, () => scene.cluster.server.restart('immediate')),
  },
  {
    ...lost,
    name: 'server killed (kill -9) and recovered',
    meets: 'everybody',
    apply: async (scene) =>
      restart(scene, async () => {
        await scene.cluster.server.kill();
        await scene.cluster.server.start();
      }),
  },
  {
    ...lost,
    name: 'server away for a while',
    meets: 'everybody',
    apply: async (scene) =>
      restart(scene, async () => {
        await scene.cluster.server.kill();
        await delay(wereAwayForLong.has(scene.cluster) ? AWAY_MS : LONG_MS);
        wereAwayForLong.add(scene.cluster);
        await scene.cluster.server.start();
      }),
  },
  {
    ...kept,
    name: 'holder cancelled between the batches under way',
    apply: async (scene) => {
      for (const until = now() + 400; now() < until;) {
        const flood = { isOver: false };
        const flooded = scene.victim.ask('flood', { count: 300 }).finally(() => (flood.isOver = true));
        while (!flood.isOver) await signal(scene, 'cancel', scene.pid);
        await flooded;
      }
      return undefined;
    },
  },
  {
    ...kept,
    name: 'a thousand timeouts racing grants',
    meets: 'everybody',
    apply: async ({ cluster }) => {
      await Promise.all(cluster.replicas.map((replica) => replica.ask('race', { count: 250 })));
      return undefined;
    },
  },
  { ...leased, name: 'TCP half-open', needsLease: true, apply: async (scene) => freeze(scene, 'up', 'down') },
  {
    ...leased,
    name: 'TCP half-open towards the server',
    needsLease: true,
    apply: async (scene) => freeze(scene, 'up'),
  },
  { ...leased, name: 'TCP half-open towards the process', apply: async (scene) => freeze(scene, 'down') },
  {
    ...kept,
    name: 'TCP delayed by 150 ms each way',
    apply: async ({ victim }) => {
      victim.proxy.slow(150);
      await delay(1_000);
      victim.proxy.slow(0);
      return undefined;
    },
  },
  {
    ...leased,
    name: 'TCP answers delayed by 900 ms, then half-open',
    needsLease: true,
    apply: async (scene) => {
      scene.victim.proxy.slow(0, 900);
      await delay(550); // one heartbeat reaches the server, and its answer is still under way
      const thaw = await freeze(scene, 'up');
      return async () => {
        scene.victim.proxy.slow(0);
        await thaw();
      };
    },
  },
  {
    ...lost,
    name: 'TCP cut',
    apply: async ({ victim }) => {
      victim.proxy.cut();
      return undefined;
    },
  },
  { ...lost, name: 'connections refused', apply: async (scene) => refuse(scene) },
  { ...lost, name: 'connections closed at once', apply: async (scene) => welcome(scene, { kind: 'reset' }) },
  { ...lost, name: 'connections never answered', apply: async (scene) => welcome(scene, { kind: 'silent' }) },
  {
    ...lost,
    name: 'connections fail, disk full (53100)',
    apply: async (scene) =>
      welcome(scene, {
        kind: 'error',
        code: '53100',
        message: 'could not write init file: No space left on device',
      }),
  },
  {
    ...lost,
    name: 'max_connections reached',
    meets: 'everybody',
    boundMs: 12_000,
    apply: async (scene) => {
      const hogs = await takeAllConnections(scene.cluster);
      for (const pid of [scene.waiterPid, scene.pid]) await signal(scene, 'terminate', pid);
      const more = await takeAllConnections(scene.cluster);
      return () => Promise.all([...hogs, ...more].map((hog) => hog.end()));
    },
  },
  {
    ...kept,
    name: "server's lock table full",
    meets: 'everybody',
    apply: async ({ cluster, victim }) => {
      const hog = await fillLockTable(cluster);
      await delay(300);
      await hog.query('SELECT pg_advisory_unlock_shared(77, i) FROM generate_series(0, 39) i');
      await victim.ask('flood', { count: 300 }); // of one statement, some are had before it fails
      return () => hog.end();
    },
  },
  {
    ...kept,
    name: 'clock of the process moved by an hour',
    apply: async ({ victim, random }) => {
      await victim.ask('clock', { ms: (random() < 0.5 ? -1 : 1) * 3_600_000 });
      await delay(500);
      return undefined;
    },
  },
  {
    ...leased,
    name: 'clock moved back by an hour, and the process stopped',
    needsLease: true,
    loopRuns: false,
    apply: async (scene) => {
      await scene.victim.ask('clock', { ms: -3_600_000 });
      scene.countFrom = now();
      return stop(scene);
    },
  },
  {
    ...kept,
    name: "application's pool exhausted",
    needsPool: true,
    apply: async ({ victim }) => {
      await victim.ask('hog');
      const { ok, name } = await victim.ask('try', { key: `pool:${victim.name}`, timeout: 20_000 });
      if (ok !== true) throw new Error(`no lock beside an exhausted pool: ${String(name)}`);
      return () => victim.ask('unhog');
    },
  },
  {
    ...lost,
    name: 'PgBouncer restarted, a transaction-level lock behind it',
    meets: 'everybody',
    through: 'pgbouncer',
    apply: restartBouncer,
  },
  {
    ...kept,
    imposed: true, // on those that work behind it
    meets: 'everybody',
    name: 'PgBouncer restarted beside a direct connection',
    through: 'directConnection',
    apply: restartBouncer,
  },
  { ...leased, name: 'shutdown while it holds and waits', apply: async (scene) => reopen(scene) },
  {
    ...leased,
    name: 'shutdown while it connects',
    imposed: true,
    apply: async (scene) => {
      scene.victim.proxy.welcome = { kind: 'silent' };
      scene.victim.proxy.cut();
      await reopen(scene);
      return welcomeBack(scene);
    },
  },
  {
    ...leased,
    name: 'shutdown while nothing answers',
    needsLease: true,
    apply: async (scene) => {
      const thaw = await freeze(scene, 'up', 'down');
      await reopen(scene);
      return thaw;
    },
  },
];

/** What happens to replicas, and what applications do. */
export const FAULTS: readonly Fault[] = [...MISHAPS, ...KINDS];

/** What the server under test, and what is installed here, can be met by. */
export const POSSIBLE: readonly Fault[] = FAULTS.filter(
  ({ needsLease, through }) =>
    (needsLease !== true || MAJOR >= 14) &&
    (through === undefined || through === 'work' || pgBouncerIsInstalled),
);

/** Light enough to happen beside another fault, to a replica that plays no part in it. */
export const COMPANIONS: readonly Fault[] = FAULTS.filter(({ name }) =>
  [
    'TCP cut',
    'process stopped briefly',
    'TCP delayed by 150 ms each way',
    'event loop blocked briefly',
  ].includes(name),
);

export function faultNamed(name: string): Fault {
  const fault = FAULTS.find((one) => one.name === name);
  if (fault === undefined) throw new Error(`there is no fault "${name}"`);
  return fault;
}

async function stop(scene: Scene): Promise<undefined> {
  scene.victim.child.signal('SIGSTOP');
  await Promise.race([scene.had, delay(scene.cluster.leaseMs + QUICK_MS, undefined, { ref: false })]);
  scene.runsFrom = now();
  scene.victim.child.signal('SIGCONT');
}

async function restart(scene: Scene, how: () => Promise<void>): Promise<undefined> {
  await how();
  scene.countFrom = now();
}

async function freeze(scene: Scene, ...sides: readonly ('up' | 'down')[]): Promise<() => Promise<unknown>> {
  scene.victim.proxy.freeze(...sides);
  await Promise.resolve();
  return async () => {
    const { proxy } = scene.victim;
    if (scene.random() < 0.5) proxy.cut(); // else everything that was kept back arrives now
    proxy.thaw();
    await Promise.resolve();
  };
}

async function refuse(scene: Scene): Promise<() => Promise<unknown>> {
  await scene.victim.proxy.refuse();
  return () => scene.victim.proxy.listen();
}

async function welcome(scene: Scene, kind: Welcome): Promise<() => Promise<unknown>> {
  scene.victim.proxy.welcome = kind;
  scene.victim.proxy.cut();
  await Promise.resolve();
  return welcomeBack(scene);
}

function welcomeBack({ victim: { proxy } }: Scene): () => Promise<unknown> {
  return async () => {
    proxy.welcome = { kind: 'open' };
    proxy.cut();
    await Promise.resolve();
  };
}

async function restartBouncer({ cluster }: Scene): Promise<undefined> {
  await cluster.bouncer?.restart();
}

async function reopen(scene: Scene): Promise<undefined> {
  const { ms } = await scene.victim.ask('reopen');
  scene.shutdownMs = Number(ms);
}

async function takeAllConnections({ url }: Cluster): Promise<pg.Client[]> {
  const hogs: pg.Client[] = [];
  for (;;) {
    const hog = new pg.Client({ connectionString: url, application_name: 'chaos-hog' });
    hog.on('error', () => undefined);
    try {
      await hog.connect();
      hogs.push(hog);
    } catch {
      return hogs;
    }
  }
}

async function fillLockTable(cluster: Cluster): Promise<pg.Client> {
  const hog = new pg.Client({ connectionString: cluster.url, application_name: 'chaos-hog' });
  hog.on('error', () => undefined);
  await hog.connect();
  for (let from = 0, step = 500; step >= 1;) {
    try {
      await hog.query('SELECT pg_advisory_lock_shared(77, i) FROM generate_series($1::int, $2::int) i', [
        from,
        from + step,
      ]);
      from += step;
    } catch {
      step = Math.floor(step / 8);
    }
  }
  return hog;
}
