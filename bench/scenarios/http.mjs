import { HttpLoad } from '../harness/http-load.mjs';
import { Remote } from '../harness/remote.mjs';
import { startWorker } from '../harness/rounds.mjs';
import { RAW } from '../candidates/index.mjs';
import { summary } from '../harness/statistics.mjs';
import { figure, ms, per, ratio } from '../report/figures.mjs';

const APP = new URL('../children/http-app.mjs', import.meta.url);
const CONNECTIONS = 100;
const PLATFORMS = { fastify: 'Fastify', express: 'Express' };
const HANDLERS = [
  { name: 'empty', plain: 'empty', idle: 'interceptedEmpty', locked: 'lockedEmpty' },
  { name: 'one query', plain: 'query', idle: 'interceptedQuery', locked: 'lockedQuery' },
];
/** A round is cut into so many turns of each handler, so that what else the machine does hits all of them alike. */
const TURNS = 5;

/** The same handlers without anything, with an interceptor that does nothing, and with `AdvisoryLock`, in turn. */
export async function run({ place, quick, rounds, say }) {
  const raw = await startWorker(RAW, place);
  const taking = quick
    ? { turns: 1, forMs: 50, warmMs: 50 }
    : { turns: rounds * TURNS, forMs: 200, warmMs: 2_000 };
  const results = [];
  try {
    for (const platform of Object.keys(PLATFORMS))
      results.push(...(await measurePlatform(platform, { place, raw, say, ...taking })));
  } finally {
    await raw.stop();
  }
  return results;
}

async function measurePlatform(platform, { place, raw, say, turns, forMs, warmMs }) {
  const app = await Remote.start(APP, { args: [place.url, platform] });
  const port = await app.call('port');
  const [many, one] = [await HttpLoad.open(port, CONNECTIONS), await HttpLoad.open(port, 1)];
  const results = [];
  try {
    for (const handler of HANDLERS) {
      say(`${PLATFORMS[platform]}, ${handler.name}`);
      const throughput = await throughputs(many, app, handler, { turns, forMs, warmMs });
      const latency = await latencies(one, raw, handler, turns, forMs);
      results.push({ platform, name: handler.name, throughput, latency });
    }
  } finally {
    many.close();
    one.close();
    await app.stop();
  }
  return results;
}

/** Turns of all three one after the other, each time another one first; what counts are the ratios within a round. */
async function throughputs(load, app, handler, { turns, forMs, warmMs }) {
  const found = { plain: [], idle: [], locked: [] };
  const cpu = { plain: [], idle: [], locked: [] };
  const kinds = Object.keys(found);
  for (const kind of kinds) await load.run(`/orders/${handler[kind]}`, warmMs);
  for (let turn = 0; turn < turns; turn++) {
    for (const kind of rotated(kinds, turn)) {
      const before = await app.call('cpu');
      const { perSecond, times } = await load.run(`/orders/${handler[kind]}`, forMs);
      found[kind].push(perSecond);
      cpu[kind].push(((await app.call('cpu')) - before) / times.length);
    }
  }
  const over = (kind, other) => summary(found[kind].map((value, turn) => value / found[other][turn]));
  return {
    ...summaries(found),
    ratio: over('locked', 'plain'),
    idleRatio: over('idle', 'plain'),
    overIdle: over('locked', 'idle'),
    cpuMicros: summaries(cpu),
  };
}

/** One request after the other; in the same moments, what a statement takes there and back. */
async function latencies(load, raw, handler, turns, forMs) {
  const times = { plain: [], idle: [], locked: [], statement: [] };
  for (let turn = 0; turn < turns; turn++) {
    for (const kind of ['plain', 'idle', 'locked'])
      times[kind].push(summary((await load.run(`/orders/${handler[kind]}`, forMs / 2)).times).median);
    times.statement.push(summary(await raw.call('roundTrips', { count: 200 })).median);
  }
  const added = times.locked.map((time, turn) => (time - times.idle[turn]) / times.statement[turn]);
  return { ...summaries(times), addedRoundTrips: summary(added) };
}

function summaries(lists) {
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, summary(list)]));
}

function rotated(list, by) {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

/** What the lock adds, times what one query adds in the same application: its handlers differ in nothing else. */
export function addedQueries(results, platform) {
  const [empty, query] = results.filter((one) => one.platform === platform).map(({ latency }) => latency);
  return (empty.locked.median - empty.idle.median) / (query.plain.median - empty.plain.median);
}

export function tables(results) {
  const row = (label, value) => [label, ...results.map(value)];
  const perSecond =
    (kind) =>
    ({ throughput }) =>
      figure(throughput[kind].median);
  return [
    {
      title:
        'HTTP on Fastify and Express: the same handler with and without `AdvisoryLock` on an id of the request',
      head: ['', ...results.map(({ platform, name }) => `${PLATFORMS[platform]}, ${name}`)],
      rows: [
        row(`${CONNECTIONS} connections: requests a second without`, perSecond('plain')),
        row('with the lock', perSecond('locked')),
        row('with the lock, times without', ({ throughput }) => ratio(throughput.ratio)),
        row('with an interceptor that does nothing, times without', ({ throughput }) =>
          ratio(throughput.idleRatio),
        ),
        row('with the lock, times with an interceptor that does nothing', ({ throughput }) =>
          ratio(throughput.overIdle),
        ),
        ...Object.entries(CPU).map(([kind, label]) =>
          row(label, ({ throughput }) => per(throughput.cpuMicros[kind])),
        ),
        row('one connection: milliseconds without', ({ latency }) => ms(latency.plain)),
        row('with an interceptor that does nothing', ({ latency }) => ms(latency.idle)),
        row('with the lock', ({ latency }) => ms(latency.locked)),
        row('added by the lock, times a round trip of `SELECT` in a loop', ({ latency }) =>
          ratio(latency.addedRoundTrips),
        ),
        row('the same, times what one query adds in this application', ({ platform, name }) =>
          name === HANDLERS[0].name ? figure(addedQueries(results, platform)) : '',
        ),
      ],
    },
  ];
}

const CPU = {
  plain: 'CPU of the application, µs a request, without',
  idle: 'with an interceptor that does nothing',
  locked: 'with the lock',
};

export const goals = [
  ['one query', 0.97],
  ['empty', 0.92],
].map(([handler, want]) => ({
  text: `HTTP at ${CONNECTIONS} connections, Fastify, handler: ${handler}; times an interceptor that does nothing`,
  want,
  least: true,
  value: ({ http }) =>
    http.find(({ platform, name }) => platform === 'fastify' && name === handler).throughput.overIdle.median,
}));
