// Looking at locks while many are held and some wait: `node bench/inspection.mjs`. Needs a built `dist/`.
import pg from 'pg';
import { startPostgres } from '../test/support/postgres/start-postgres.mjs';
import { createCore } from '../dist/pg-lock.core.js';
import { resolveOptions } from '../dist/pg-lock.resolve-options.js';

const HELD = 20_000;
const WAITERS = 50;
const ROUNDS = 9;

/** The "lock monitoring" query of the PostgreSQL wiki: each awaited lock joined with every held one on the same thing. */
const NAIVE = `
  SELECT blocked.pid AS blocked_pid, blocked_activity.query, blocking.pid AS blocking_pid, blocking_activity.query
  FROM pg_catalog.pg_locks blocked
  JOIN pg_catalog.pg_stat_activity blocked_activity ON blocked_activity.pid = blocked.pid
  JOIN pg_catalog.pg_locks blocking ON blocking.locktype = blocked.locktype
    AND blocking.database IS NOT DISTINCT FROM blocked.database
    AND blocking.relation IS NOT DISTINCT FROM blocked.relation
    AND blocking.page IS NOT DISTINCT FROM blocked.page
    AND blocking.tuple IS NOT DISTINCT FROM blocked.tuple
    AND blocking.virtualxid IS NOT DISTINCT FROM blocked.virtualxid
    AND blocking.transactionid IS NOT DISTINCT FROM blocked.transactionid
    AND blocking.classid IS NOT DISTINCT FROM blocked.classid
    AND blocking.objid IS NOT DISTINCT FROM blocked.objid
    AND blocking.objsubid IS NOT DISTINCT FROM blocked.objsubid
    AND blocking.pid <> blocked.pid
  JOIN pg_catalog.pg_stat_activity blocking_activity ON blocking_activity.pid = blocking.pid
  WHERE NOT blocked.granted`;

const server = await startPostgres({
  own: true,
  settings: { max_locks_per_transaction: 256 },
});
const clients = [];
const connect = async () => {
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  clients.push(client);
  return client;
};

try {
  const holder = await connect();
  await holder.query('SELECT count(pg_advisory_lock(i)) FROM generate_series(1, $1::int8) i', [HELD]);
  for (let i = 1; i <= WAITERS; i++) (await connect()).query('SELECT pg_advisory_lock($1)', [i]).catch(() => undefined);
  const asker = await connect();
  for (;;) {
    const { rows } = await asker.query("SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event = 'advisory'");
    if (rows[0].waiting === WAITERS) break;
  }
  const core = createCore(resolveOptions({ connection: server.url }));
  const { blocked, locks } = core.service;
  const candidates = {
    'self-join of the wiki': () => asker.query(NAIVE),
    'blocked.find()': () => blocked.find(),
    'blocked.tree()': () => blocked.tree(),
    'locks.find({ limit: 25 })': () => locks.find({ limit: 25 }),
    'locks.find(), all': () => locks.find(),
    'locks.find({ ids: [7] })': () => locks.find({ ids: [7] }),
  };
  const times = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  // Side by side: a round of each in turn, so that noise meets all alike. The first round warms up.
  for (let round = 0; round <= ROUNDS; round++)
    for (const [name, run] of Object.entries(candidates)) {
      const began = performance.now();
      await run();
      if (round > 0) times[name].push(performance.now() - began);
    }
  const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
  const naive = median(times['self-join of the wiki']);
  console.log(`${HELD} held advisory locks, ${WAITERS} waiters, ${ROUNDS} rounds, Node ${process.version}`);
  for (const [name, list] of Object.entries(times))
    console.log(`${name.padEnd(28)} ${median(list).toFixed(1).padStart(8)} ms  ${(median(list) / naive).toFixed(3)} x the self-join`);
  await core.close();
} finally {
  await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
  await server.stop();
}
