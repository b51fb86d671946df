// One candidate in a process of its own; what to open comes as JSON in the first argument.
import { Histogram } from '../harness/histogram.mjs';
import { serve } from '../harness/serve.mjs';
import { summary } from '../harness/statistics.mjs';
import { cyclesPerSecond, nothing } from '../harness/throughput.mjs';
import { Holds } from './holds.mjs';

const { candidate, url, redis, options } = JSON.parse(process.argv[2]);
const { open } = await import(`./${candidate.module}.mjs`);
const locks = await open({ url, redis, options });
const prefix = `${candidate.name}:${process.pid}`;
const holds = new Holds(locks);
let fresh = 0;

/** Its own id for each task; or another one each time, which no cache has seen. */
const idOf = candidate.fresh ? (task) => `${prefix}:${task}:${fresh++}` : (task) => `${prefix}:${task}`;

serve({
  async throughput({ tasks, ms }) {
    const before = locks.statements?.();
    const measured = await cyclesPerSecond(locks.run, { tasks, ms, idOf });
    if (before === undefined) return measured;
    return { ...measured, statementsPerLock: (locks.statements() - before) / measured.cycles };
  },
  async roundTrips({ count }) {
    const times = [];
    for (let i = 0; i < count; i++) {
      const startedAt = performance.now();
      await locks.roundTrip();
      times.push(performance.now() - startedAt);
    }
    return times;
  },
  /** Requests that come at random, so many a second: what one takes to acquire and release its lock. */
  async arrivals({ perSecond, ms }) {
    const times = [];
    const running = [];
    for (const deadline = performance.now() + ms; performance.now() < deadline;) {
      await new Promise((resolve) => setTimeout(resolve, (-Math.log(1 - Math.random()) * 1_000) / perSecond));
      const startedAt = performance.now();
      running.push(
        locks
          .run(`${prefix}:random:${fresh++}`, nothing)
          .then(() => times.push(performance.now() - startedAt)),
      );
    }
    await Promise.all(running);
    return times;
  },
  /** Round trips that a lock in a transaction of its own takes beside its work, which is one statement. */
  async xact({ count }) {
    const { pglock } = locks;
    const [whole, work] = [[], []];
    for (let i = 0; i < count; i++) {
      const startedAt = performance.now();
      await pglock.advisory(`${prefix}:xact`, { xact: true }, async ({ client }) => {
        const since = performance.now();
        await client.query('SELECT 1');
        work.push(performance.now() - since);
      });
      whole.push(performance.now() - startedAt);
    }
    const tripMs = summary(work).median;
    return (summary(whole).median - tripMs) / tripMs;
  },
  /** Everybody wants the same few ids: how often did this process get one, and after what waits? */
  async contend({ ids, tasks, ms }) {
    const waits = new Histogram();
    const deadline = performance.now() + ms;
    const task = async (index) => {
      let askedAt;
      const work = async () => waits.add(performance.now() - askedAt);
      for (let turn = index; (askedAt = performance.now()) < deadline; turn++)
        await locks.run(ids[turn % ids.length], work);
    };
    await Promise.all(Array.from({ length: tasks }, (_, index) => task(index)));
    return { count: waits.count, waits: waits.counts };
  },
  acquire: ({ id }) => holds.acquire(id),
  release: ({ id }) => holds.release(id),
  acquired: ({ id }) => holds.acquired(id),
  ask: ({ id }) => holds.ask(id),
  stop: () => locks.close(),
});
