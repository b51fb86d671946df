import { setTimeout as delay } from 'node:timers/promises';
import { openCore } from '../support/cores.js';
import { eventually, quickest, useDatabase } from '../support/database.js';
import { pollTooSeldom } from '../support/late-polls.js';

const database = useDatabase();

/** A process whose only waiting session is used up, so that every further wait polls. */
async function polling() {
  const core = openCore(database, { sessions: { max: 2 } });
  const blocker = openCore(database);
  const held = await blocker.service.acquire('used up');
  const waiting = core.service.acquire('used up', { timeout: null });
  await eventually(() => core.advisory.status().sessions === 2);
  database.defer(async () => {
    await held!.release();
    await (await waiting)?.release();
  });
  return core;
}

const messages = async (): Promise<() => readonly string[]> => {
  const told: string[] = [];
  const client = await database.connect();
  client.on('notification', ({ payload }) => {
    told.push((JSON.parse(payload ?? '{}') as { k: string }).k);
  });
  await client.query('LISTEN pglock');
  return () => told;
};

describe('a wait that polls, since the bound on sessions is reached', () => {
  it('is woken by the release in another process', async () => {
    const poller = await polling();
    const holder = openCore(database);
    const polls = pollTooSeldom(database);
    const handOver = async () => {
      const lock = await holder.service.acquire('x');
      const before = polls.pauses;
      const acquired = poller.service.acquire('x', { timeout: null });
      await eventually(() => polls.pauses > before);
      const releasedAt = performance.now();
      await lock!.release();
      await (await acquired)!.release();
      return performance.now() - releasedAt;
    };
    // Where it is not told, it asks whether it is told every 5 s.
    expect(await quickest(2_500, handOver)).toBeLessThan(2_500);
  });

  it('goes first once, where the holder asks for the key again in the same turn', async () => {
    const poller = await polling();
    const holder = openCore(database);
    const over = new AbortController();
    let rounds = 0;
    const again = (async () => {
      while (rounds < 50_000 && !over.signal.aborted) {
        rounds++;
        await holder.service.advisory('x', () => delay(1));
      }
    })();
    await eventually(() => rounds > 5);
    const got = await poller.service.acquire('x', { timeout: 60_000 });
    over.abort();
    expect(got).not.toBeNull();
    await got!.release();
    await again;
  });

  it('costs no message where nobody polls', async () => {
    const told = await messages();
    const holder = openCore(database);
    for (let i = 0; i < 50; i++) await holder.service.advisory('x', () => undefined);
    const waiter = openCore(database);
    const lock = await holder.service.acquire('y');
    const waiting = waiter.service.acquire('y', { timeout: null });
    await database.waitForWaiter((session) => session.applicationName.includes('pglock'));
    await lock!.release();
    await (await waiting)!.release();
    await holder.peers.sync();
    // A wait that lasts, on a busy machine, is told to the peers: its place in the line, and that it wants the key.
    expect(told().filter((kind) => kind === 'awaiting' || kind === 'released')).toEqual([]);
  });
});
