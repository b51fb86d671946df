import pg from 'pg';
import { open } from '../candidates/library.mjs';
import { inTurn } from '../harness/in-turn.mjs';
import { summary } from '../harness/statistics.mjs';
import { figure, ms } from '../report/figures.mjs';

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

const WAITING = `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()`;

/** Looking at locks while many are held and some wait. */
export async function run({ place, quick, rounds }) {
  const [held, waiters] = quick ? [2_000, 10] : [20_000, 50];
  const clients = [];
  const connect = async () => {
    const client = new pg.Client({ connectionString: place.url });
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  const { pglock, close } = await open(place);
  try {
    const holder = await connect();
    await holder.query('SELECT count(pg_advisory_lock(i)) FROM generate_series(1, $1::int8) i', [held]);
    for (let i = 1; i <= waiters; i++)
      (await connect()).query('SELECT pg_advisory_lock($1)', [i]).catch(() => undefined);
    const asker = await connect();
    while ((await asker.query(WAITING)).rows[0].waiting < waiters);
    return { held, waiters, times: await sideBySide(questions(pglock, asker), rounds) };
  } finally {
    await Promise.all(clients.map((client) => client.end().catch(() => undefined)));
    await close();
  }
}

function questions({ blocked, locks }, asker) {
  return {
    'the self-join of the wiki': () => asker.query(NAIVE),
    '`blocked.find()`': () => blocked.find(),
    '`blocked.tree()`': () => blocked.tree(),
    '`locks.find({ limit: 25 })`': () => locks.find({ limit: 25 }),
    '`locks.find({ ids: [7] })`': () => locks.find({ ids: [7] }),
  };
}

async function sideBySide(candidates, rounds) {
  const times = await inTurn(candidates, rounds);
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, summary(list)]));
}

export function tables({ held, waiters, times }) {
  const [naive] = Object.values(times);
  return [
    {
      title: `Who blocks whom, with ${figure(held)} locks held and ${waiters} sessions waiting`,
      head: ['', 'milliseconds, median (quartiles)', 'times the self-join'],
      rows: Object.entries(times).map(([name, time]) => [name, ms(time), figure(time.median / naive.median)]),
    },
  ];
}
