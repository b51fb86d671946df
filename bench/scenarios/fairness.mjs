import { Histogram } from '../harness/histogram.mjs';
import { startWorker } from '../harness/rounds.mjs';
import { summary } from '../harness/statistics.mjs';
import { figure, per, ratio } from '../report/figures.mjs';

const WAITERS = 10;
/** `pool` has ten connections in each replica, so that every waiter has one of its own. */
const WHO = [
  { name: 'hand', module: 'pool', label: 'one `pg_advisory_lock` connection a waiter' },
  { name: 'first', module: 'first-build', label: 'first build' },
  { name: 'today', module: 'library', label: 'today' },
];

/** One id that every waiter of every replica wants, in rounds of each way in turn: what each replica gets, and how long waits are. */
export async function run({ place, quick, rounds, say }) {
  const [replicas, msEach] = quick ? [2, 300] : [8, 3_000];
  const groups = {};
  const found = Object.fromEntries(WHO.map(({ name }) => [name, []]));
  try {
    for (const one of WHO.filter(({ name }) => !quick || name !== 'first'))
      groups[one.name] = await Promise.all(Array.from({ length: replicas }, () => startWorker(one, place)));
    for (const name of Object.keys(groups)) await contend(groups[name], msEach / 2);
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      for (const name of Object.keys(groups)) found[name].push(await contend(groups[name], msEach));
    }
  } finally {
    await Promise.all(
      Object.values(groups)
        .flat()
        .map((worker) => worker.stop()),
    );
  }
  return {
    replicas,
    waiters: WAITERS,
    ...Object.fromEntries(Object.keys(groups).map((name) => [name, figures(name)])),
  };

  function figures(name) {
    const of = (key) => summary(found[name].map((one) => one[key]));
    const overHand = (key) => summary(found[name].map((one, round) => one[key] / found.hand[round][key]));
    return {
      perSecond: of('perSecond'),
      least: of('least'),
      median: of('median'),
      p99: of('p99'),
      perSecondOverHand: overHand('perSecond'),
      p99OverHand: overHand('p99'),
    };
  }
}

async function contend(workers, ms) {
  const all = await Promise.all(
    workers.map((worker) => worker.call('contend', { ids: ['one'], tasks: WAITERS, ms })),
  );
  const counts = all.map(({ count }) => count);
  const waits = all.map((one) => one.waits);
  return {
    perSecond: (counts.reduce((a, b) => a + b, 0) / ms) * 1_000,
    least: Math.min(...counts) / Math.max(1, ...counts),
    median: Histogram.quantile(waits, 0.5),
    p99: Histogram.quantile(waits, 0.99),
  };
}

export function tables(result) {
  const who = WHO.filter(({ name }) => result[name] !== undefined);
  const row = (text, value) => [text, ...who.map(({ name }) => value(result[name]))];
  return [
    {
      title: `Fairness: one id, ${result.replicas} replicas of ${result.waiters} waiters each`,
      head: ['', ...who.map(({ label }) => label)],
      rows: [
        row('grants a second, together', ({ perSecond }) => per(perSecond)),
        row('the same, times one connection a waiter', (one) => ratio(one.perSecondOverHand)),
        row('the least share of a replica, times the greatest', ({ least }) => ratio(least)),
        row('a wait, ms: median', ({ median }) => per(median)),
        row('p99', ({ p99 }) => per(p99)),
        row('p99, times one connection a waiter', ({ p99OverHand }) => ratio(p99OverHand)),
      ],
    },
  ];
}

export const goals = [
  {
    text: 'one id, 8 replicas: the least share of a replica, times the greatest',
    want: 0.9,
    least: true,
    value: ({ fairness }) => fairness.today.least.median,
  },
  {
    text: 'the same, grants a second, times one connection a waiter',
    want: 20,
    least: true,
    value: ({ fairness }) => fairness.today.perSecondOverHand.median,
  },
  {
    text: 'the same, p99 of a wait, times one connection a waiter',
    want: 1,
    least: false,
    value: ({ fairness }) => fairness.today.p99OverHand.median,
  },
];
