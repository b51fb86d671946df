import { goals as fairness } from '../scenarios/fairness.mjs';
import { goals as firstBuild } from '../scenarios/first-build.mjs';
import { goals as firstLock } from '../scenarios/first-lock.mjs';
import { addedQueries, goals as http } from '../scenarios/http.mjs';
import { goals as idle } from '../scenarios/idle.mjs';
import { goals as jobFleet } from '../scenarios/job-fleet.mjs';
import { goals as serverCpu } from '../scenarios/server-cpu.mjs';
import { goals as xact } from '../scenarios/xact.mjs';
import { figure } from './figures.mjs';

/** Candidates that keep a connection of a pool of 10 for each lock. */
const POOLS = ['pool', 'medusa'];

/** What was asked of the library, and what this run shows. */
export function goals(result) {
  const rows = GOALS.map(({ text, want, least, value }) => {
    const reached = tryTo(() => value(result.scenarios));
    if (reached === undefined || Number.isNaN(reached)) return undefined;
    const isReached = least ? reached >= want : reached <= want;
    return [text, `${least ? '≥' : '≤'} ${figure(want)}`, figure(reached), isReached ? 'yes' : 'no'];
  });
  return {
    title: 'Asked and reached',
    head: ['', 'asked', 'this run', 'reached'],
    rows: rows.filter((row) => row !== undefined),
  };
}

const atOnce = (table, tasks) => table.measured.find((one) => one.tasks === tasks).candidates;
const bestPool = (all) => Math.max(...POOLS.map((name) => all[name]?.ratio?.median ?? 0));

const GOALS = [
  {
    text: 'one lock after the other, times raw',
    want: 0.9,
    least: true,
    value: ({ throughput }) => atOnce(throughput.near, 1).library.ratio.median,
  },
  {
    text: 'the same, a new id each time',
    want: 0.9,
    least: true,
    value: ({ throughput }) => atOnce(throughput.near, 1)['library-fresh'].ratio.median,
  },
  {
    text: '100 ids at once, times raw',
    want: 15,
    least: true,
    value: ({ throughput }) => atOnce(throughput.near, 100).library.ratio.median,
  },
  {
    text: '100 ids at once, times the best pool of 10',
    want: 8,
    least: true,
    value: ({ throughput }) => overPool(atOnce(throughput.near, 100)),
  },
  {
    text: 'the same, a new id each time',
    want: 15,
    least: true,
    value: ({ throughput }) => atOnce(throughput.near, 100)['library-fresh'].ratio.median,
  },
  {
    text: '10 000 ids at once, times raw',
    want: 30,
    least: true,
    value: ({ throughput }) => atOnce(throughput.near, 10_000).library.ratio.median,
  },
  {
    text: '1 000 ids at once, times that with 100',
    want: 1,
    least: true,
    value: ({ throughput: { near } }) =>
      atOnce(near, 1_000).library.ratio.median / atOnce(near, 100).library.ratio.median,
  },
  {
    text: '100 ids at once, 2 ms away, times raw',
    want: 60,
    least: true,
    value: ({ throughput }) => atOnce(throughput.far, 100).library.ratio.median,
  },
  {
    text: '100 ids at once, 2 ms away, times the best pool of 10',
    want: 8,
    least: true,
    value: ({ throughput }) => overPool(atOnce(throughput.far, 100)),
  },
  {
    text: 'statements a lock, 100 ids at once',
    want: 1,
    least: false,
    value: ({ throughput }) => atOnce(throughput.near, 100).library.statementsPerLock.median,
  },
  ...serverCpu,
  ...firstBuild,
  ...xact,
  ...http,
  ...['empty handler', 'one query'].flatMap((handler, index) => [
    {
      text: `HTTP at 100 connections, ${handler}: share of throughput lost, %`,
      want: 25,
      least: false,
      value: ({ http }) => lost(http[index].throughput.ratio),
    },
    {
      text: `the same, beside an interceptor that does nothing, %`,
      want: 25,
      least: false,
      value: ({ http }) => lost(http[index].throughput.overIdle),
    },
  ]),
  {
    text: 'HTTP latency added by the lock, times what a query adds there',
    want: 0.9,
    least: false,
    value: ({ http }) => addedQueries(http, 'fastify'),
  },
  {
    text: 'the same, times a round trip of `SELECT` in a loop',
    want: 1,
    least: false,
    value: ({ http }) => http[0].latency.addedRoundTrips.median,
  },
  {
    text: 'statements of a tick that all 50 jobs skip',
    want: 1,
    least: false,
    value: ({ jobTick }) => jobTick.counts.toSorted((a, b) => a - b)[Math.floor(jobTick.counts.length / 2)],
  },
  ...jobFleet,
  {
    text: 'hand-over in one process, ms',
    want: 0.1,
    least: false,
    value: ({ handOver }) => handOver.same.median,
  },
  {
    text: 'hand-over across processes, times by hand',
    want: 1.1,
    least: false,
    value: ({ handOver }) => handOver.across.library.overHand.median,
  },
  {
    text: 'hand-over across processes, ms',
    want: 2,
    least: false,
    value: ({ handOver }) => handOver.across.library.median,
  },
  ...fairness,
  ...idle,
  ...firstLock,
  { text: 'connections for 10 000 held ids', want: 1, least: false, value: ({ held }) => held.sessions },
  { text: 'heap a held handle, bytes', want: 2_048, least: false, value: ({ held }) => held.bytes },
  {
    text: 'statements a minute with 10 000 held, above those with one',
    want: 0,
    least: false,
    value: ({ held: { idle, one } }) =>
      Math.max(0, Math.round(idle.statementsPerMinute - one.statementsPerMinute)),
  },
  {
    text: 'statements a minute with none held',
    want: 0,
    least: false,
    value: ({ held }) => held.empty.statementsPerMinute,
  },
  {
    text: 'statements a hand-over, 1 000 waiters on one id',
    want: 1,
    least: false,
    value: ({ oneId }) => {
      const many = oneId.find(({ waiters }) => waiters === 1_000);
      return many.statements.median / many.waiters;
    },
  },
  {
    text: 'time a waiter with 4 000 waiters, times that with 1 000',
    want: 1.5,
    least: false,
    value: ({ oneId }) => {
      const perWaiter = (count) => oneId.find(({ waiters }) => waiters === count).ms.median / count;
      return perWaiter(4_000) / perWaiter(1_000);
    },
  },
  {
    text: '`blocked.find()` with 20 000 held and 50 waiting, times the self-join',
    want: 0.1,
    least: false,
    value: ({ inspection: { times } }) =>
      times['`blocked.find()`'].median / times['the self-join of the wiki'].median,
  },
  {
    text: '`pglock explain`: a statement that is not looked at, times without',
    want: 2,
    least: false,
    value: ({ explain: { select, simple, update, again } }) =>
      Math.max(...[select, simple, update, again].map(({ traced }) => traced)),
  },
  {
    text: '`pglock explain`: such a statement, times a proxy that only passes bytes on',
    want: 1.15,
    least: false,
    value: ({ explain: { select, simple, update, again } }) =>
      Math.max(...[select, simple, update, again].map(({ own }) => own)),
  },
  {
    text: '`pglock explain`: a look, ms',
    want: 1,
    least: false,
    value: ({ explain }) => explain.lookMs,
  },
  {
    text: '`pglock --help`, ms',
    want: 300,
    least: false,
    value: ({ startUp }) => startUp['pglock --help'].median,
  },
];

function lost({ median }) {
  return (1 - median) * 100;
}

function overPool(all) {
  return all.library.ratio.median / bestPool(all);
}

function tryTo(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}
