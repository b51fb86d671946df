import { HttpLoad } from '../harness/http-load.mjs';
import { Remote } from '../harness/remote.mjs';
import { startWorker } from '../harness/rounds.mjs';
import { RAW } from '../candidates/index.mjs';
import { summary } from '../harness/statistics.mjs';
import { figure, ms, ratio } from '../report/figures.mjs';

const APP = new URL('../children/http-app.mjs', import.meta.url);
const CONNECTIONS = 100;
const PAIRS = [
  { name: 'an empty handler', plain: 'empty', idle: 'interceptedEmpty', locked: 'lockedEmpty' },
  { name: 'a handler with one query', plain: 'query', idle: 'interceptedQuery', locked: 'lockedQuery' },
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

async function warmUp(load, { plain, idle, locked }, forMs) {
  for (const path of [plain, idle, locked]) await load.run(`/orders/${path}`, 2 * forMs);
}

/** Each turn with something around the handler stands between two without. */
async function throughputRatios(load, { plain, idle, locked }, rounds, forMs) {
  const found = { plain: [], locked: [], ratio: [], idleRatio: [] };
  let before = await load.run(`/orders/${plain}`, forMs);
  for (let round = 0; round < rounds; round++) {
    for (const path of [idle, locked]) {
      const between = await load.run(`/orders/${path}`, forMs);
      const after = await load.run(`/orders/${plain}`, forMs);
      const ratio = between.perSecond / ((before.perSecond + after.perSecond) / 2);
      found[path === locked ? 'ratio' : 'idleRatio'].push(ratio);
      found.plain.push(before.perSecond);
      if (path === locked) found.locked.push(between.perSecond);
      before = after;
    }
  }
  return Object.fromEntries(Object.entries(found).map(([name, list]) => [name, summary(list)]));
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
  const row = (label, value) => [label, ...results.map(value)];
  // The handlers differ in one query: what that adds is what a statement costs in this very application.
  const query = results[1].latency.plain.median - results[0].latency.plain.median;
  const added = ({ latency }) => latency.locked.median - latency.plain.median;
  return [
    {
      title: 'HTTP on Fastify: the same handler with and without `AdvisoryLock` on an id of the request',
      head: ['', ...results.map(({ name }) => name)],
      rows: [
        row(`${CONNECTIONS} connections: requests a second without`, ({ throughput }) =>
          figure(throughput.plain.median),
        ),
        row('with the lock', ({ throughput }) => figure(throughput.locked.median)),
        row('with the lock, times without', ({ throughput }) => ratio(throughput.ratio)),
        row('with an interceptor that does nothing, times without', ({ throughput }) =>
          ratio(throughput.idleRatio),
        ),
        row('one connection: milliseconds without', ({ latency }) => ms(latency.plain)),
        row('with the lock', ({ latency }) => ms(latency.locked)),
        row('added, times what one query adds in the same application', (one) => figure(added(one) / query)),
        row('added, times a round trip of `SELECT` in a loop', ({ latency }) =>
          ratio(latency.addedRoundTrips),
        ),
      ],
    },
  ];
}
