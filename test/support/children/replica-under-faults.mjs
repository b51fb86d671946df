// One replica of an application under faults: flows that take locks of all kinds and write under them, and a history of what
// they saw, written line by line so that a SIGKILL loses nothing of it. Times are the machine's monotonic clock.
import { writeSync, openSync } from 'node:fs';
import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import Bottleneck from 'bottleneck';
import PQueue from 'p-queue';
import pg from 'pg';
import { next, send } from '../child-process.mjs';
import { MUTANTS } from '../mutants.mjs';

const { createCore } = await import('../../../build/core/pg-lock-core.js');
const { resolveOptions } = await import('../../../build/options/resolve-options.js');

const { name, seed, file, database, direct, bouncer, sessions, lendPool, mutant } = JSON.parse(
  process.env.REPLICA,
);
const history = openSync(file, 'a');
const now = () => Number(process.hrtime.bigint()) / 1e6;
const log = (e, data = {}) => writeSync(history, `${JSON.stringify({ e, r: name, t: now(), ...data })}\n`);
const random = generator(seed);

let appPool;
let core;
/** The same application behind PgBouncer, with a direct connection for its sessions. */
let bounced;
const context = { core: () => core, bounced: () => bounced, appPool: () => appPool, bouncer };
openAll();
if (mutant !== undefined && mutant !== null) await MUTANTS[mutant](context);

/** Handles that are watched: id → { lock, dead }. */
const watched = new Map();
let handles = 0;
setInterval(sample, 10);
log('start');
send('ready');

process.on('unhandledRejection', (error) => {
  log('crash', { message: String(error?.stack ?? error) });
  process.exit(70);
});
process.on('uncaughtException', (error) => {
  log('crash', { message: String(error?.stack ?? error) });
  process.exit(71);
});

function openAll() {
  appPool = lendPool ? new pg.Pool({ connectionString: database, max: 2 }) : undefined;
  appPool?.on('error', () => undefined);
  core = createCore(
    resolveOptions(lendPool ? { pool: appPool, sessions } : { connection: database, sessions }),
  );
  if (bouncer !== null) {
    const through = { ...sessions, directConnection: database };
    bounced = createCore(resolveOptions({ connection: bouncer, sessions: through }));
  }
  for (const { events } of [core, bounced].filter(Boolean)) events.on('sessionEnded', noteEnd);
}

function noteEnd({ pid, locksLost, error }) {
  log('ended', { pid, locksLost, message: error.message });
}

/** One task at a time each, in the order in which they were added. */
function taskQueues() {
  const own = [];
  let isBusy = false;
  const next = async () => {
    if (isBusy || own.length === 0) return;
    isBusy = true;
    await own.shift()();
    isBusy = false;
    next();
  };
  const [queue, bottleneck] = [new PQueue({ concurrency: 1 }), new Bottleneck({ maxConcurrent: 1 })];
  return {
    queue: (task) => queue.add(task),
    bottleneck: (task) => bottleneck.schedule(task),
    own: (task) =>
      new Promise((resolve, reject) => {
        own.push(() => task().then(resolve, reject));
        next();
      }),
  };
}

async function closeAll() {
  await Promise.all([core.close(), bounced?.close()]);
}

/** Whoever reads `held` first and the clock afterwards proves nothing: the process may have been stopped in between. */
function sample() {
  for (const [h, watch] of watched) alive(h, watch);
}

function alive(h, watch) {
  const t = now();
  const held = watch.lock.held;
  if (held) log('alive', { h, t });
  else if (!watch.dead) {
    watch.dead = true;
    log('dead', { h });
  }
  return held;
}

/** From now on the handle is watched; gives its number. */
function watch(lock, keys, asked, extra = {}) {
  const h = `${name}:${++handles}`;
  const entry = { lock, dead: false };
  log('got', { h, keys, shared: lock.shared, pid: lock.pid, asked, ...extra });
  watched.set(h, entry);
  const onLost = () => {
    log('lost', { h, why: lock.signal.reason?.name });
    entry.lostAt = now();
  };
  if (lock.signal.aborted) onLost();
  else lock.signal.addEventListener('abort', onLost, { once: true });
  return { h, entry };
}

async function tokenOf(lock, h, entry) {
  const since = now();
  const token = await lock.fencingToken();
  log('tok', { h, since, token: String(token), live: alive(h, entry) });
  return token;
}

/** So many flows take a lock on the key, hold it, and release it, until the time is over. */
async function againAndAgain(what, ms, flows, take, key, heldMs) {
  const until = now() + ms;
  const one = async () => {
    while (now() < until) {
      const asked = now();
      try {
        const lock = await take();
        const { h } = watch(lock, [key], asked);
        await delay(heldMs());
        unwatch(h);
        await lock.release();
      } catch (error) {
        fail(error, what);
        await delay(5);
      }
    }
  };
  await Promise.all(Array.from({ length: flows }, one));
}

function unwatch(h) {
  const entry = watched.get(h);
  if (entry === undefined) return;
  const t = now();
  const held = entry.lock.held;
  log('rel', { h, t, held });
  watched.delete(h);
}

function fail(error, where) {
  log('err', {
    where,
    name: error?.name,
    code: error?.code,
    message: String(error?.message ?? error).slice(0, 200),
  });
}

// The application's own writes, past the proxy: a holder that is cut off from its locks can still do harm.
class Direct {
  #client;

  async query(text, values) {
    this.#client ??= this.#connect();
    const client = await this.#client.catch((error) => {
      this.#client = undefined;
      throw error;
    });
    try {
      return await client.query({ text, values, query_timeout: 5_000 });
    } catch (error) {
      if (!/^(23|22|42)/.test(error.code ?? '')) {
        this.#client = undefined;
        client.end().catch(() => undefined);
      }
      throw error;
    }
  }

  async #connect() {
    const client = new pg.Client({
      connectionString: direct,
      connectionTimeoutMillis: 2_000,
      application_name: 'chaos-work',
    });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  }
}

const KEYS = ['k1', 'k2', 'k3'];
let working = false;
const flows = [];

function work(count) {
  working = true;
  for (let i = 0; i < count; i++) flows.push(flow(new Direct()));
}

async function flow(db) {
  while (working) {
    try {
      await section(db);
    } catch (error) {
      fail(error, 'section');
      await delay(20);
    }
    await delay(random() * 40);
  }
}

function choose() {
  const key = KEYS[Math.floor(random() * KEYS.length)];
  const timeout = [0, 30, 500, 3_000][Math.floor(random() * 4)];
  const roll = random();
  if (roll < 0.1 && bounced !== undefined) return { keys: [key], options: { timeout, xact: true } };
  if (roll < 0.45) return { keys: [key], options: { timeout } };
  if (roll < 0.6) return { keys: [key], options: { timeout, shared: true } };
  if (roll < 0.75) return { keys: KEYS.toSorted(() => random() - 0.5).slice(0, 2), options: { timeout } };
  if (roll < 0.85) return { keys: ['hal'], options: { timeout, holdAtLeast: 150 }, extra: { atLeast: 150 } };
  if (roll < 0.93)
    return { keys: ['sticky'], options: { timeout: 0, sticky: true }, extra: { sticky: true } };
  return {
    keys: [key],
    options: { timeout: 3_000, signal: AbortSignal.timeout(Math.ceil(20 + random() * 200)) },
  };
}

async function section(db) {
  const { keys, options, extra } = choose();
  const id = keys.length > 1 ? keys : keys[0];
  const asked = now();
  if (options.xact) {
    await bounced.service
      .advisory(id, { ...options, onContention: 'skip' }, (lock) => critical(db, lock, keys, asked))
      .catch(unlessAborted);
  } else if (random() < 0.5) {
    const lock = await core.service.acquire(id, options).catch(unlessAborted);
    if (lock) await critical(db, lock, keys, asked, extra).finally(() => lock.release());
  } else {
    await core.service
      .advisory(id, { ...options, onContention: 'skip' }, (lock) => critical(db, lock, keys, asked, extra))
      .catch(unlessAborted);
  }
}

function unlessAborted(error) {
  if (error?.name === 'TimeoutError') return null;
  throw error;
}

/** What a lock is for: reads, thinks, writes. Every write but the guarded one believes `held`. */
async function critical(db, lock, keys, asked, extra) {
  const { h, entry } = watch(lock, keys, asked, extra);
  try {
    if (lock.shared || random() < 0.3) return void (await delay(random() * 15));
    const token = await tokenOf(lock, h, entry);
    for (const key of keys) {
      const { rows } = await db.query('SELECT n FROM counters WHERE key = $1', [key]);
      await delay(random() * 8);
      if (!alive(h, entry)) break;
      const seen = Number(rows[0].n);
      await db.query('UPDATE counters SET n = $2, writer = $3, seen = $4 WHERE key = $1', [
        key,
        seen + 1,
        h,
        seen,
      ]);
      log('wrote', { h, key, seen, live: alive(h, entry) });
      await guarded(db, key, token, h);
    }
    if (!alive(h, entry)) {
      // A stale holder that knows no better: the resource has to refuse it, once somebody newer was there.
      await delay(50 + random() * 200);
      for (const key of keys) log('stale', { h, key, rows: await guarded(db, key, token, h) });
    }
  } catch (error) {
    fail(error, 'critical');
  } finally {
    unwatch(h);
  }
}

async function guarded(db, key, token, h) {
  const { rowCount } = await db.query(
    'UPDATE guarded SET token = $2, writer = $3 WHERE key = $1 AND token <= $2',
    [key, String(token), h],
  );
  return rowCount;
}

/** How a lock is held, by the name of what is between the holder and its server. */
const HOLDERS = {
  /** By a work that runs until it is told to end, and in whose flow more can be done. */
  work: (key, options) =>
    new Promise((held, failed) => {
      const work = (lock) =>
        new Promise((letGo) => {
          const inFlow = AsyncLocalStorage.snapshot();
          held(Object.assign(lock, { inFlow, endWork: () => Promise.resolve(letGo()) }));
        });
      core.service.advisory(key, options, work).catch((error) => {
        fail(error, 'hold');
        failed(error);
      });
    }),
  nothing: (key, options) => core.service.acquire(key, { ...options, onContention: 'throw' }),
  directConnection: (key, options) => bounced.service.acquire(key, { ...options, onContention: 'throw' }),
  /** A transaction-level lock, in a transaction that stays open until it is let go. */
  pgbouncer: (key, options) =>
    new Promise((held, failed) => {
      const work = (lock) =>
        new Promise((letGo) => held(Object.assign(lock, { endWork: () => Promise.resolve(letGo()) })));
      bounced.service.advisory(key, { ...options, xact: true }, work).catch((error) => {
        fail(error, 'hold');
        failed(error);
      });
    }),
};

const commands = {
  work: async ({ count }) => work(count),
  async rest() {
    working = false;
    await Promise.all(flows.splice(0));
  },
  async hold({ keys, through, timeout = 10_000, options = {} }) {
    const asked = now();
    const lock = await HOLDERS[through](keys.length > 1 ? keys : keys[0], { timeout, ...options });
    const { h, entry } = watch(lock, keys, asked);
    await tokenOf(lock, h, entry);
    return { h, pid: lock.pid };
  },
  async holdMany({ keys }) {
    const hold = async (key) => {
      const asked = now();
      const lock = await HOLDERS.nothing(key, { timeout: 10_000 });
      return { ...watch(lock, [key], asked), pid: lock.pid };
    };
    return { hs: (await Promise.all(keys.map(hold))).map(({ h, pid }) => ({ h, pid })) };
  },
  /** Enters the lock of a work again, and says when the inner handle was lost. */
  async nest({ h, key, ms, maxHold }) {
    const { lock: outer } = watched.get(h);
    if (!outer.held) return { isLate: true };
    const options = { timeout: 5_000, reentrant: true, ...(maxHold && { maxHold }) };
    const work = async (lock) => {
      const inner = watch(lock, [key], now(), { within: h });
      await delay(ms);
      unwatch(inner.h);
      return { lostAt: inner.entry.lostAt };
    };
    return outer.inFlow(() => core.service.advisory(key, options, work));
  },
  /** The flow of a work wants one more lock; then both are let go. */
  async cross({ h, key }) {
    const { inFlow } = watched.get(h).lock;
    const work = async (lock) => {
      const inner = watch(lock, [key], now());
      await delay(1);
      unwatch(inner.h);
    };
    const startedAt = now();
    const outcome = await inFlow(() => core.service.advisory(key, { timeout: 15_000 }, work)).then(
      () => 'ran',
      (error) => error.name,
    );
    await commands.drop({ h });
    return { outcome, ms: now() - startedAt };
  },
  /** Flows whose tasks go through queues: there a task runs in the async context of whoever ended the one before. */
  async queues({ ms }) {
    const until = now() + ms;
    const loop = async (id, enqueue, holdsOutside) => {
      while (now() < until) {
        const asked = now();
        const work = async (lock) => {
          const { h } = watch(lock, [id], asked);
          if (holdsOutside) await enqueue(() => delay(random() * 10));
          await delay(random() * 20);
          unwatch(h);
        };
        // A task that waits for the lock keeps its queue from the holder's own task, whose flow the next one would inherit.
        const timeout = random() < 0.2 ? 300 : 0;
        const section = () =>
          core.service.advisory(id, { timeout, onContention: 'skip' }, work).catch(unlessAborted);
        await (holdsOutside ? section() : enqueue(section)).catch((error) => fail(error, 'queues'));
        await delay(random() * 10);
      }
    };
    const loops = Object.entries(taskQueues()).flatMap(([queue, enqueue]) =>
      [true, true, false, false].map((holdsOutside) => loop(`queue:${queue}`, enqueue, holdsOutside)),
    );
    await Promise.all(loops);
  },
  /** Every listener of the application fails. */
  async throwing({ isOn }) {
    const boom = () => {
      throw new Error('a listener that throws');
    };
    for (const { events } of [core, bounced].filter(Boolean))
      for (const event of ['sessionEnded', 'lockLost']) {
        events.removeAllListeners(event);
        if (isOn) events.prependListener(event, boom);
        if (event === 'sessionEnded') events.on(event, noteEnd);
      }
  },
  /** Many flows that want one id all the time, each for a moment. */
  crowd({ key, ms, count }) {
    return againAndAgain(
      'crowd',
      ms,
      count,
      () => HOLDERS.nothing(key, { timeout: 2_000 }),
      key,
      () => 5,
    );
  },
  /** Readers that overlap without end, as far as this process goes. */
  readers({ key, ms, flows: count, mostMs }) {
    const take = () => HOLDERS.nothing(key, { timeout: 10_000, shared: true });
    return againAndAgain('readers', ms, count, take, key, () => (0.5 + random() / 2) * mostMs);
  },
  /** Resolves as soon as it waits; `had` comes when it has the lock, which it lets go at once. */
  async want({ key, timeout, tag }) {
    const asked = now();
    core.service.acquire(key, { timeout, onContention: 'throw' }).then(
      async (lock) => {
        const { h, entry } = watch(lock, [key], asked);
        const t = now();
        send(`had:${tag}`, { t, h });
        try {
          await tokenOf(lock, h, entry);
        } catch (error) {
          fail(error, 'want');
        }
        unwatch(h);
        await lock.release();
      },
      (error) => {
        fail(error, 'want');
        send(`had:${tag}`, { failed: `${error.name}: ${error.message}` });
      },
    );
  },
  async status({ h }) {
    const entry = watched.get(h);
    return {
      held: entry?.lock.held ?? false,
      aborted: entry?.lock.signal.aborted ?? true,
      lostAt: entry?.lostAt,
    };
  },
  async drop({ h }) {
    const entry = watched.get(h);
    const state = { held: entry?.lock.held ?? false, lostAt: entry?.lostAt };
    unwatch(h);
    await entry?.lock.endWork?.();
    if (entry?.lock.endWork === undefined) await entry?.lock.release();
    return state;
  },
  async try({ key, timeout }) {
    const startedAt = now();
    try {
      const lock = await core.service.acquire(key, { timeout, onContention: 'throw' });
      await lock.release();
      return { ok: true, ms: now() - startedAt };
    } catch (error) {
      return { ok: false, ms: now() - startedAt, name: error.name, code: error.code, message: error.message };
    }
  },
  /** Many ids in one turn; what is had is let go at once. */
  async flood({ count }) {
    const ids = Array.from({ length: count }, (_, i) => `flood:${name}:${i}`);
    const asked = await Promise.allSettled(ids.map((id) => core.service.acquire(id, { timeout: 0 })));
    for (const { reason } of asked.filter(({ status }) => status === 'rejected').slice(0, 3))
      fail(reason, 'flood');
    await Promise.all(asked.map(({ value }) => value?.release()));
    return { had: asked.filter(({ value }) => value).length };
  },
  /** Waits that end as others let go. */
  async race({ count }) {
    const racer = async (_, i) => {
      for (let left = count / 10; left > 0; left--) {
        const lock = await core.service.acquire(`race:${i % 4}`, { timeout: 1 + Math.floor(random() * 4) });
        if (lock) await delay(random() * 3);
        await lock?.release();
      }
    };
    await Promise.all(Array.from({ length: 10 }, racer));
  },
  async block({ ms }) {
    const until = now() + ms;
    while (now() < until);
  },
  /** Moves this process's wall clock. */
  async clock({ ms }) {
    const Real = globalThis.RealDate ?? (globalThis.RealDate = Date);
    globalThis.Date = class extends Real {
      constructor(...args) {
        if (args.length === 0) super(Real.now() + ms);
        else super(...args);
      }
      static now() {
        return Real.now() + ms;
      }
    };
  },
  async hog() {
    const late = delay(3_000).then(() => Promise.reject(new Error('the pool is taken already')));
    late.catch(() => undefined);
    this.hogged = await Promise.race([late, Promise.all([appPool.connect(), appPool.connect()])]);
  },
  async unhog() {
    for (const client of this.hogged ?? []) client.release();
    this.hogged = undefined;
  },
  /** The application shuts down in whatever it does, and starts again. */
  async reopen() {
    const wasWorking = working;
    const old = { appPool };
    log('closing');
    const startedAt = now();
    await core.drain();
    await closeAll();
    log('closed', { ms: now() - startedAt });
    const ms = now() - startedAt;
    working = false;
    await Promise.all(flows.splice(0));
    await old.appPool?.end();
    openAll();
    if (mutant === 'borrowed') await MUTANTS[mutant](context);
    if (wasWorking) work(2);
    return { ms };
  },
  async stats() {
    return { memory: process.memoryUsage().heapUsed, resources: process.getActiveResourcesInfo() };
  },
  async leave() {
    working = false;
    await Promise.all(flows.splice(0));
    log('closing');
    await closeAll();
    log('closed');
    await appPool?.end();
    setImmediate(() => process.exit());
  },
};

for (;;) {
  const { n, verb, ...data } = await next('do');
  commands[verb](data).then(
    (answer) => send(`done:${n}`, answer),
    (error) => send(`done:${n}`, { failed: `${error.name}: ${error.message}` }),
  );
}

function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
