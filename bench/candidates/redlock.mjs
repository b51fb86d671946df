import Redis from 'ioredis';
import Redlock from 'redlock';

/** One Redis, and its `lock` and `unlock`; no PostgreSQL in it. */
export async function open({ redis }) {
  const client = new Redis(redis);
  const redlock = new Redlock([client], { retryCount: -1, retryDelay: 50, retryJitter: 50 });
  return {
    async run(id, work) {
      const lock = await redlock.lock(`pglock-bench:${id}`, 60_000);
      try {
        await work();
      } finally {
        await lock.unlock();
      }
    },
    close: () => client.quit(),
  };
}
