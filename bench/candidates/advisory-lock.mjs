import advisoryLock from 'advisory-lock';

/** `withLock` of its README: a new connection for each lock. */
export async function open({ url }) {
  const create = (advisoryLock.default ?? advisoryLock)(url);
  return {
    run: (id, work) => create(id).withLock(work),
    close: async () => undefined,
  };
}
