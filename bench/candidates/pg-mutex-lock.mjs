import module from 'pg-mutex-lock';

const PGMutexLock = module.default ?? module;

/** `acquireLock` and `releaseLock` of its README, on its one connection. */
export async function open({ url }) {
  const { hostname, port, pathname, username, password } = new URL(url);
  const database = {
    host: hostname,
    port: Number(port || 5432),
    database: pathname.slice(1),
    user: username,
    password: password || 'unused',
  };
  const mutex = new PGMutexLock({ database });
  return {
    async run(id, work) {
      await mutex.acquireLock(id);
      try {
        await work();
      } finally {
        await mutex.releaseLock(id);
      }
    },
    close: () => mutex.end(),
  };
}
