/** What a handle says of itself, and which members it has. */
function shape(lock) {
  return (
    lock && {
      id: lock.id,
      key: lock.key,
      shared: lock.shared,
      held: lock.held,
      pid: typeof lock.pid,
      aborted: lock.signal.aborted,
      members: [...Object.keys(lock), ...Object.getOwnPropertyNames(Object.getPrototypeOf(lock))],
      disposer: typeof lock[Symbol.asyncDispose],
    }
  );
}

/** A call while another flow holds the id. */
function whileHeld(id, call) {
  return async (pglock) => {
    const lock = await pglock.acquire(id);
    try {
      return await call(pglock, lock);
    } finally {
      await lock?.release();
    }
  };
}

/** What is told from the call on. */
async function toldDuring(pglock, call) {
  const told = [];
  const listeners = EVENTS.map((type) => [type, () => told.push(type)]);
  for (const [type, listener] of listeners) pglock.events.on(type, listener);
  await call().catch(() => undefined);
  for (const [type, listener] of listeners) pglock.events.off(type, listener);
  return told;
}

const EVENTS = [
  'lockLost',
  'sessionEnded',
  'leaderElected',
  'leaderResigned',
  'leaderLost',
  'permitsDiffer',
  'releasedBeforeCommit',
];

/** Two flows that each hold what the other waits for. */
async function deadlock(pglock) {
  let arrive;
  const both = new Promise((resolve) => (arrive = resolve));
  let arrived = 0;
  const take = (first, second) =>
    pglock.advisory(first, async () => {
      if (++arrived === 2) arrive();
      await both;
      await pglock.advisory(second, () => undefined);
    });
  const [one, other] = await Promise.allSettled([take('a', 'b'), take('b', 'a')]);
  const refused = [one, other].find(({ status }) => status === 'rejected');
  if (refused === undefined) return 'no deadlock';
  throw refused.reason;
}

/** Calls of every verb, right and wrong, each on ids that nothing else uses. */
export const CALLS = {
  advisory: (pglock) => pglock.advisory('a', () => 1),
  'advisory lock': (pglock) => pglock.advisory('a', (lock) => shape(lock)),
  'advisory list': (pglock) => pglock.advisory(['a', 'b'], (lock) => shape(lock)),
  'advisory shared': (pglock) => pglock.advisory('a', { shared: true }, (lock) => shape(lock)),
  'advisory permits': (pglock) => pglock.advisory('a', { permits: 2 }, (lock) => shape(lock)),
  'advisory xact': (pglock) => pglock.advisory('a', { xact: true }, (lock) => shape(lock)),
  'advisory reentrant': (pglock) =>
    pglock.advisory('a', () => pglock.advisory('a', { reentrant: true, timeout: 0 }, (lock) => shape(lock))),
  'advisory upgrade': (pglock) =>
    pglock.advisory('a', { shared: true }, () =>
      pglock.advisory('a', { reentrant: true, timeout: 0 }, (lock) => shape(lock)),
    ),
  'advisory nested stranger': (pglock) =>
    pglock.advisory('a', () => pglock.advisory('a', { timeout: 0 }, (lock) => shape(lock))),
  'advisory untilCommit nothing open': (pglock) => pglock.advisory('a', { untilCommit: true }, () => 1),
  'advisory untilCommit tx': (pglock) =>
    pglock.transaction(() => pglock.advisory('a', { untilCommit: true }, () => 1)),
  'advisory maxHold': (pglock) =>
    pglock.advisory('a', { maxHold: 50 }, async (lock) => {
      await new Promise((r) => lock.signal.addEventListener('abort', r));
      return [lock.held, String(lock.signal.reason), lock.signal.reason.code];
    }),
  'advisory holdAtLeast': (pglock) => pglock.advisory('a', { holdAtLeast: 10 }, () => 1),
  'advisory aborted': (pglock) =>
    pglock.advisory('a', { signal: AbortSignal.abort(new Error('no')) }, () => 1),
  'advisory throws': (pglock) =>
    pglock.advisory('a', () => {
      throw new Error('mine');
    }),
  'advisory permits shared': (pglock) => pglock.advisory('a', { permits: 2, shared: true }, () => 1),
  'advisory permits xact': (pglock) => pglock.advisory('a', { permits: 2, xact: true }, () => 1),
  'advisory permits tx': (pglock) =>
    pglock.transaction((tx) => pglock.advisory('a', { permits: 2, transaction: tx }, () => 1)),
  'advisory permits list': (pglock) => pglock.advisory(['a', 'b'], { permits: 2 }, (lock) => shape(lock)),
  'advisory permits 0': (pglock) => pglock.advisory('a', { permits: 0 }, () => 1),
  'advisory permits 1.5': (pglock) => pglock.advisory('a', { permits: 1.5 }, () => 1),
  'advisory permits huge': (pglock) => pglock.advisory('a', { permits: 1e9 }, () => 1),
  'advisory permits contention': (pglock) =>
    pglock.advisory('a', { permits: 1 }, () => pglock.advisory('a', { permits: 1, timeout: 0 }, () => 1)),
  'advisory permits differ': (pglock) =>
    pglock.advisory('a', { permits: 2 }, () => pglock.advisory('a', { permits: 3, timeout: 0 }, () => 1)),
  'advisory permits reentrant': (pglock) =>
    pglock.advisory('a', { permits: 2 }, () =>
      pglock.advisory('a', { permits: 2, reentrant: true, timeout: 0 }, () => 1),
    ),
  'advisory xact in tx': (pglock) => pglock.transaction(() => pglock.advisory('a', { xact: true }, () => 1)),
  'advisory xact+transaction': (pglock) =>
    pglock.transaction((tx) => pglock.advisory('a', { xact: true, transaction: tx }, () => 1)),
  'advisory tx': (pglock) =>
    pglock.transaction((tx) => pglock.advisory('a', { transaction: tx }, (lock) => shape(lock))),
  'advisory tx release': (pglock) =>
    pglock.transaction((tx) => pglock.advisory('a', { transaction: tx }, (lock) => lock.release())),
  'advisory tx ambient': (pglock) =>
    pglock.transaction(() => pglock.advisory('a', { transaction: 'ambient' }, (lock) => shape(lock))),
  'advisory tx ambient none': (pglock) =>
    pglock.advisory('a', { transaction: 'ambient' }, (lock) => shape(lock)),
  'advisory tx null': (pglock) => pglock.advisory('a', { transaction: null }, () => 1),
  'advisory tx undefined': (pglock) => pglock.advisory('a', { transaction: undefined }, () => 1),
  'advisory tx 5': (pglock) => pglock.advisory('a', { transaction: 5 }, () => 1),
  'advisory tx ended': async (pglock) => {
    let old = {};
    await pglock.transaction((tx) => {
      old = tx;
    });
    return pglock.advisory('a', { transaction: old, timeout: 0 }, () => 1);
  },
  'advisory tx maxHold': (pglock) =>
    pglock.transaction((tx) => pglock.advisory('a', { transaction: tx, maxHold: 100 }, () => 1)),
  'advisory tx holdAtLeast': (pglock) =>
    pglock.transaction((tx) => pglock.advisory('a', { transaction: tx, holdAtLeast: 10 }, () => 1)),
  'advisory tx untilCommit': (pglock) =>
    pglock.transaction((tx) => pglock.advisory('a', { transaction: tx, untilCommit: true }, () => 1)),
  'advisory no work': (pglock) => pglock.advisory('a', undefined),
  'advisory misspelt': (pglock) => pglock.advisory('a', { timeOut: 5 }, () => 1),
  'advisory bad id': (pglock) => pglock.advisory('', () => 1),
  'advisory number list': (pglock) => pglock.advisory([1, 2, 3], () => 1),
  acquire: async (pglock) => {
    const lock = await pglock.acquire('a');
    const s = shape(lock);
    await lock?.release();
    return [s, lock?.held, lock?.signal.aborted, await lock?.release()];
  },
  'acquire timeout 0 throw': whileHeld('a', (pglock) =>
    pglock.acquire('a', { timeout: 0, onContention: 'throw' }),
  ),
  'acquire timeout 0 skip': whileHeld('a', (pglock) => pglock.acquire('a', { timeout: 0 })),
  'acquire timeout 30': whileHeld('a', (pglock) =>
    pglock.acquire('a', { timeout: 30, onContention: 'throw' }),
  ),
  'acquire list contention': whileHeld('a', (pglock) =>
    pglock.acquire(['b', 'a'], { timeout: 30, onContention: 'throw' }),
  ),
  'acquire token after release': async (pglock) => {
    const lock = await pglock.acquire('a');
    const t = typeof (await lock?.fencingToken());
    await lock?.release();
    return [t, await lock?.fencingToken()];
  },
  'acquire epoch': whileHeld('a', async (pglock, lock) => {
    const t = await lock?.fencingToken({ epoch: true });
    return Object.keys(t ?? {});
  }),
  'acquire token bad': whileHeld('a', (pglock) => lock?.fencingToken({ epok: true })),
  'acquire untilCommit': (pglock) => pglock.acquire('a', { untilCommit: true }),
  'acquire xact': (pglock) =>
    pglock.transaction(async () => shape(await pglock.acquire('a', { xact: true }))),
  'acquire xact none': (pglock) => pglock.acquire('a', { xact: true }),
  'acquire permits': async (pglock) => {
    const lock = await pglock.acquire('a', { permits: 2 });
    const s = shape(lock);
    await lock?.release();
    return s;
  },
  isHeld: (pglock) => pglock.isHeld('a'),
  'isHeld bad': (pglock) => pglock.isHeld(''),
  'isHeld in': (pglock) => pglock.advisory('a', () => [pglock.isHeld('a'), pglock.isHeld('b')]),
  'isHeld xact': (pglock) => pglock.advisory('a', { xact: true }, () => pglock.isHeld('a')),
  'isHeld list': (pglock) => pglock.isHeld(['a', 'b']),
  assertHeld: (pglock) => pglock.assertHeld('a'),
  'assertHeld in': (pglock) => pglock.advisory('a', () => pglock.assertHeld('a')),
  'assertHeld detached': (pglock) =>
    pglock.advisory('a', () => pglock.detached(() => pglock.assertHeld('a'))),
  'detached none': (pglock) => pglock.detached(undefined),
  advisoryKey: (pglock) => pglock.advisoryKey('a'),
  'advisoryKey bad': (pglock) => pglock.advisoryKey(''),
  transaction: (pglock) => pglock.transaction(() => 1),
  'transaction bad options': (pglock) => pglock.transaction(() => 1, { isolation: 'X' }),
  'transaction misspelt': (pglock) => pglock.transaction(() => 1, { readonly: true }),
  'transaction nested': (pglock) => pglock.transaction(() => pglock.transaction(() => 1)),
  'transaction no work': (pglock) => pglock.transaction(undefined),
  'transaction throws': (pglock) =>
    pglock.transaction(() => {
      throw new Error('mine');
    }),
  'acquire xact outlived': async (pglock) => {
    let go = () => undefined;
    const gate = new Promise((r) => (go = r));
    let res = Promise.resolve();
    await pglock.transaction(() => {
      res = gate.then(() => pglock.acquire('a', { xact: true })).catch((error) => error);
    });
    go();
    const r = await res;
    if (r instanceof Error) throw r;
    return r;
  },
  'model none': (pglock) => pglock.model('users'),
  model: (pglock) => pglock.transaction(() => pglock.model('users')),
  'model throw': (pglock) =>
    pglock.transaction(() => pglock.model('users', { onContention: 'throw', timeout: 0 })),
  'model mode': (pglock) => pglock.transaction(() => pglock.model('users', { mode: 'X' })),
  'model empty': (pglock) => pglock.transaction(() => pglock.model([])),
  'model misspelt': (pglock) => pglock.transaction(() => pglock.model('users', { timeOut: 1 })),
  'model bad target': (pglock) => pglock.transaction(() => pglock.model('a.b.c')),
  'model null': (pglock) => pglock.transaction(() => pglock.model(null)),
  'model empty string': (pglock) => pglock.transaction(() => pglock.model('')),
  'model table {}': (pglock) => pglock.transaction(() => pglock.model({})),
  'model tx undefined': (pglock) => pglock.model('users', { transaction: undefined }),
  'model tx null': (pglock) => pglock.model('users', { transaction: null }),
  'model tx ambient none': (pglock) => pglock.model('users', { transaction: 'ambient' }),
  'model aborted': (pglock) =>
    pglock.transaction(() => pglock.model('users', { signal: AbortSignal.abort(new Error('no')) })),
  timeout: (pglock) => pglock.timeout('1s', () => 1),
  'timeout 0': (pglock) => pglock.timeout(0, () => 1),
  'timeout null': (pglock) => pglock.timeout(null, () => 1),
  'timeout neg': (pglock) => pglock.timeout(-1, () => 1),
  'timeout no work': (pglock) => pglock.timeout('1s', undefined),
  'timeout misspelt': (pglock) => pglock.timeout('1s', { tx: 1 }, () => 1),
  'timeout tx undefined': (pglock) => pglock.timeout('1s', { transaction: undefined }, () => 1),
  'timeout tx ambient none': (pglock) => pglock.timeout('1s', { transaction: 'ambient' }, () => 1),
  'timeout tx': (pglock) => pglock.transaction((tx) => pglock.timeout('1s', { transaction: tx }, () => 1)),
  'timeout of advisory': whileHeld('a', (pglock) => pglock.timeout(20, () => pglock.advisory('a', () => 1))),
  'timeout of advisory null': async (pglock) => {
    const lock = await pglock.acquire('a');
    setTimeout(() => void lock?.release(), 60);
    return pglock.timeout(20, () => pglock.advisory('a', { timeout: null }, () => 1));
  },
  'timeout of xact': whileHeld('a', (pglock) =>
    pglock.timeout(20, () => pglock.advisory('a', { xact: true }, () => 1)),
  ),
  'timeout tx of advisory': whileHeld('a', (pglock) =>
    pglock.transaction((tx) =>
      pglock.timeout(20, { transaction: tx }, () => pglock.advisory('a', { transaction: tx }, () => 1)),
    ),
  ),
  'timeout ambient tx of advisory': whileHeld('a', (pglock) =>
    pglock.transaction((tx) => pglock.timeout(20, () => pglock.advisory('a', { transaction: tx }, () => 1))),
  ),
  prioritize: (pglock) => pglock.prioritize(() => 1),
  'prioritize throws': (pglock) =>
    pglock.prioritize(() => {
      throw new Error('mine');
    }),
  'prioritize no work': (pglock) => pglock.prioritize({}, undefined),
  'prioritize misspelt': (pglock) => pglock.prioritize({ intervall: 1 }, () => 1),
  'prioritize interval 0': (pglock) => pglock.prioritize({ interval: 0 }, () => 1),
  'prioritize onBlocked': (pglock) => pglock.prioritize({ onBlocked: 5 }, () => 1),
  'prioritize where': (pglock) => pglock.prioritize({ onBlocked: terminate({ nosuch: 1 }) }, () => 1),
  'prioritize protect': (pglock) => pglock.prioritize({ protect: { nosuch: 1 } }, () => 1),
  'prioritize escalate': (pglock) => pglock.prioritize({ escalate: '1s' }, () => 1),
  'prioritize escalate terminate': (pglock) =>
    pglock.prioritize({ escalate: '1s', onBlocked: terminate() }, () => 1),
  'prioritize cancel escalate': (pglock) =>
    pglock.prioritize({ escalate: '1s', onBlocked: cancel() }, () => 1),
  'prioritize timeout': whileHeld('a', (pglock) =>
    pglock.prioritize({ timeout: 20 }, () => pglock.advisory('a', () => 1)),
  ),
  'prioritize retries': whileHeld('a', (pglock) =>
    pglock.prioritize({ timeout: 20, retries: 1, retryDelay: 5 }, () => pglock.advisory('a', () => 1)),
  ),
  'prioritize retries count': async (pglock) => {
    let n = 0;
    const r = await pglock.prioritize({ timeout: 20, retries: 2, retryDelay: 5 }, () => {
      n++;
      if (n < 2) throw Object.assign(new Error('x'), { code: '55P03' });
      return n;
    });
    return r;
  },
  'prioritize tx undefined': (pglock) => pglock.prioritize({ transaction: undefined }, () => 1),
  'prioritize tx ambient none': (pglock) => pglock.prioritize({ transaction: 'ambient' }, () => 1),
  'prioritize tx': (pglock) => pglock.transaction((tx) => pglock.prioritize({ transaction: tx }, () => 1)),
  withContext: (pglock) => pglock.withContext({ a: 'b' }, () => 1),
  'withContext bad': (pglock) => pglock.withContext({ a: 5 }, () => 1),
  'withContext none': (pglock) => pglock.withContext({ a: 'b' }, undefined),
  'locks.find': (pglock) => pglock.locks.find({ ids: ['zz'] }),
  'locks.find held': (pglock) =>
    pglock.advisory('a', async () =>
      (await pglock.locks.find({ ids: ['a'] }))
        .map((row) => ({ ...row, activity: { ...row.activity } }))
        .map((row) => Object.keys(row).sort()),
    ),
  'locks.find held activity': (pglock) =>
    pglock.advisory('a', async () =>
      (await pglock.locks.find({ ids: ['a'] })).map((row) => Object.keys(row.activity ?? {}).sort()),
    ),
  'locks.find held values': (pglock) =>
    pglock.advisory('a', async (lock) =>
      (await pglock.locks.find({ ids: ['a'] })).map((row) => [
        row.activityId === lock.pid,
        row.type,
        row.mode,
        row.granted,
        row.waitStart,
        row.waitDuration,
        row.relKind,
        row.relName,
        row.relSchema,
        row.advisoryKey,
        row.advisoryId,
        row.activity?.applicationName,
      ]),
    ),
  'locks.find bad': (pglock) => pglock.locks.find({ where: { nosuch: 1 } }),
  'locks.find misspelt': (pglock) => pglock.locks.find({ wher: 1 }),
  'locks.find config': (pglock) => pglock.locks.find({ config: 'nosuch' }),
  'locks.find limit': (pglock) => pglock.locks.find({ limit: -1 }),
  'locks.find on': (pglock) => pglock.locks.find({ on: ['users'] }),
  'locks.find on class': (pglock) => pglock.locks.find({ on: class User {} }),
  'locks.count': (pglock) => pglock.locks.count({ ids: ['zz'] }),
  'locks.count bad': (pglock) => pglock.locks.count({ where: { nosuch: 1 } }),
  'locks.cancelActivity': (pglock) => pglock.locks.cancelActivity({ ids: ['zz'] }),
  'locks.cancelActivity all': (pglock) => pglock.locks.cancelActivity({}),
  'locks.cancelActivity none': (pglock) => pglock.locks.cancelActivity(undefined),
  'locks.terminateActivity': (pglock) => pglock.locks.terminateActivity({ ids: ['zz'] }),
  'locks.terminateActivity all': (pglock) => pglock.locks.terminateActivity({}),
  'blocked.find': (pglock) => pglock.blocked.find({ ids: ['zz'] }),
  'blocked.find bad': (pglock) => pglock.blocked.find({ where: { nosuch: 1 } }),
  'blocked.count': (pglock) => pglock.blocked.count({ ids: ['zz'] }),
  'blocked.tree': (pglock) => pglock.blocked.tree(),
  'blocked.tree bad': (pglock) => pglock.blocked.tree({ nosuch: 1 }),
  'blocked.cancelBlockingActivity': (pglock) => pglock.blocked.cancelBlockingActivity({ ids: ['zz'] }),
  'blocked.cancelBlockingActivity all': (pglock) => pglock.blocked.cancelBlockingActivity({}),
  'blocked.terminateBlockingActivity': (pglock) => pglock.blocked.terminateBlockingActivity({ ids: ['zz'] }),
  lead: (pglock) => pglock.lead('poller', () => 1),
  'lead bad': (pglock) => pglock.lead('', () => 1),
  'lead no work': (pglock) => pglock.lead('poller', undefined),
  'lead misspelt': (pglock) => pglock.lead('poller', { nosuch: 1 }, () => 1),
  'lead shape': (pglock) =>
    pglock.lead('poller', (lock) => [
      Object.keys(lock),
      Object.getOwnPropertyNames(Object.getPrototypeOf(lock)),
      pglock.isLeader('poller'),
    ]),
  'lead aborted': (pglock) => pglock.lead('poller', { signal: AbortSignal.abort(new Error('no')) }, () => 1),
  isLeader: (pglock) => pglock.isLeader('poller'),
  'isLeader bad': (pglock) => pglock.isLeader(''),
  'leaders.find': (pglock) => pglock.leaders.find(),
  'jobs.release': (pglock) => pglock.jobs.release('nosuch'),
  'jobs.run': (pglock) => pglock.jobs.run('nosuch'),
  'jobs.wrap': (pglock) => pglock.jobs.wrap('j', () => 1).call(undefined),
  'jobs.wrap bad': (pglock) => pglock.jobs.wrap('', () => 1).call(undefined),
  'jobs.wrap misspelt': (pglock) => pglock.jobs.wrap('j', () => 1, { nosuch: 1 }),
  'jobs.wrap contention': whileHeld('j', (pglock) => pglock.jobs.wrap('j', () => 1).call(undefined)),
  'jobs.wrap contention throw': whileHeld('j', (pglock) =>
    pglock.jobs.wrap('j', () => 1, { onContention: 'throw' }).call(undefined),
  ),
  'pool.query': async (pglock) => (await pglock.pool.query('SELECT 1 WHERE false')).rows,
  'pool.connect': async (pglock) => {
    const c = await pglock.pool.connect();
    c.release();
    return 1;
  },
  'pool.end': (pglock) => pglock.pool.end(),
  deadlock,
  'events of leaders': (pglock) => toldDuring(pglock, () => pglock.lead('events', () => 1)),
  'events of maxHold': (pglock) =>
    toldDuring(pglock, () =>
      pglock.advisory(
        'a',
        { maxHold: 20 },
        (lock) => new Promise((resolve) => lock.signal.addEventListener('abort', resolve)),
      ),
    ),
  'events of a lock in a transaction': (pglock) =>
    toldDuring(pglock, () => pglock.transaction(() => pglock.advisory('a', () => 1))),
  'untilCommit is held until the commit': (pglock) =>
    pglock.transaction(async () => {
      await pglock.advisory('a', { untilCommit: true }, () => 1);
      return pglock.detached(() => pglock.acquire('a', { timeout: 0 }));
    }),
};
