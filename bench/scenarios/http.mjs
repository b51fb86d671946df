import { HttpLoad } from '../harness/http-load.mjs';
import { Remote } from '../harness/remote.mjs';
import { startWorker } from '../harness/rounds.mjs';
import { RAW } from '../candidates/index.mjs';
import { summary } from '../harness/statistics.mjs';
import { figure, ms, ratio } from '../report/figures.mjs';

const APP = new URL('../children/http-app.mjs', import.meta.url);
const CONNECTIONS = 100;
const PAIRS = [
  { name: 'an empty handler', plain: 'empty', locked: 'lockedEmpty' },
  { name: 'a handler with one query', plain: 'query', locked: 'lockedQuery' },
];

/** The same handlers with and without `AdvisoryLock` on an id of the request, in turn. */
export async function run({ place, quick, rounds, say }) {
  const app = await Remote.start(APP, { args: [place.url] });
  const raw = await startWorker(RAW, place);
  const port = await app.call('port');
  const [many, one] = [await HttpLoad.open(port, CONNECTIONS), await HttpLoad.open(port, 1)];
  const forMs = quick ? 150 : 1_000;
  const results = [];
  try {
    for (const pair of PAIRS) {
      say(pair.name);
      await warmUp(many, pair, forMs);
      const throughput = await throughputRatios(many, pair, rounds, forMs);
      const latency = await latencies(one, raw, pair, rounds, forMs / 3);
      results.push({ name: pair.name, throughput, latency });
    }
  } finally {
    many.close();
    one.close();
    await Promise.all([app.stop(), raw.stop()]);
  }
  return results;
}

async function warmUp(load, { plain, locked }, forMs) {
  await load.run(`/orders/${plain}`, 2 * forMs);
  await load.run(`/orders/${locked}`, 2 * forMs);
}

/** Each locked turn between two plain ones. */
async function throughputRatios(load, { plain, locked }, rounds, forMs) {
  const [ratios, plains, lockeds] = [[], [], []];
  let before = await load.run(`/orders/${plain}`, forMs);
  for (let round = 0; round < rounds; round++) {
    const between = await load.run(`/orders/${locked}`, forMs);
    const after = await load.run(`/orders/${plain}`, forMs);
    ratios.push(between.perSecond / ((before.perSecond + after.perSecond) / 2));
    plains.push(before.perSecond);
    lockeds.push(between.perSecond);
    before = after;
  }
  return { ratio: summary(ratios), plain: summary(plains), locked: summary(lockeds) };
}

/** One request after the other; in the same moments, what a statement takes there and back. */
async function latencies(load, raw, { plain, locked }, rounds, forMs) {
  const times = { plain: [], locked: [], statement: [] };
  for (let round = 0; round < rounds; round++) {
    times.plain.push(summary((await load.run(`/orders/${plain}`, forMs)).times).median);
    times.locked.push(summary((await load.run(`/orders/${locked}`, forMs)).times).median);
    times.statement.push(summary(await raw.call('roundTrips', { count: 200 })).median);
  }
  const added = times.locked.map((time, index) => (time - times.plain[index]) / times.statement[index]);
  return {
    ...Object.fromEntries(Object.entries(times).map(([name, list]) => [name, summary(list)])),
    addedRoundTrips: summary(added),
  };
}

export function tables(results) {
  return [
    {
      title: `HTTP on Fastify: the same handler with and without \`AdvisoryLock\` on an id of the request`,
      head: ['', ...results.map(({ name }) => name)],
      rows: [
        [
          `${CONNECTIONS} connections: requests a second without`,
          ...results.map(({ throughput }) => figure(throughput.plain.median)),
        ],
        ['with the lock', ...results.map(({ throughput }) => figure(throughput.locked.median))],
        ['with, times without', ...results.map(({ throughput }) => ratio(throughput.ratio))],
        ['one connection: milliseconds without', ...results.map(({ latency }) => ms(latency.plain))],
        ['with the lock', ...results.map(({ latency }) => ms(latency.locked))],
        [
          'added, in round trips of a statement',
          ...results.map(({ latency }) => ratio(latency.addedRoundTrips)),
        ],
      ],
    },
  ];
}
