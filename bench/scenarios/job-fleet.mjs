import { openDatabase } from '../harness/server.mjs';
import { Remote } from '../harness/remote.mjs';
import { quantile, summary } from '../harness/statistics.mjs';
import { figure, ms, ratio } from '../report/figures.mjs';

const SCRIPT = new URL('../children/jobs-fleet.mjs', import.meta.url);
const JOBS = 50;
/** Both fleets live side by side, and tick in turn: the machine is the same for both. */
const BUILDS = [
  { name: 'first', label: 'first build', offset: 0 },
  { name: 'today', label: 'today', offset: 5 },
];
const PERIOD_S = 10;
const PROCESSES = 4;

/** A fleet of replicas that all have the same jobs, at one moment: when is each of them done with each job? */
export async function run({ quick, rounds, say }) {
  const replicas = quick ? 4 : Number(process.env.PGLOCK_BENCH_REPLICAS ?? 100);
  const builds = BUILDS.filter(({ name }) => !quick || name === 'today');
  const period = quick ? 1 : PERIOD_S;
  const fleets = {};
  const databases = [];
  try {
    for (const { name, offset } of builds) {
      say(`${replicas} replicas of ${name}`);
      const database = await openDatabase({ max_connections: '500' });
      databases.push(database);
      const when = [String(period), String(quick ? 0 : offset)];
      fleets[name] = await fleet([database.url, name], replicas, quick ? 1 : PROCESSES, when);
    }
    const measured = quick ? 1 : rounds;
    // The first ticks find out who has which lock.
    await new Promise((resolve) => setTimeout(resolve, (measured + 2) * period * 1_000));
    const found = {};
    for (const name of Object.keys(fleets))
      do {
        await new Promise((resolve) => setTimeout(resolve, period * 1_000));
        // One that has just begun is not over yet; a busy machine may have been late for some.
        const before = Date.now() - (period * 1_000) / 2;
        found[name] = (await ticksOf(fleets[name])).filter(
          ({ at, times }) => at < before && times.length > 0,
        );
      } while (found[name].length < measured);
    for (const name of Object.keys(fleets)) found[name] = found[name].slice(-measured);
    return { replicas, jobs: JOBS, ...figures(found, replicas * JOBS) };
  } finally {
    await Promise.all(
      Object.values(fleets)
        .flat()
        .map((one) => one.stop()),
    );
    for (const database of databases) await database.close();
  }
}

/** All processes boot at once. */
function fleet(args, replicas, processes, when) {
  return Promise.all(
    Array.from({ length: processes }, () =>
      Remote.start(SCRIPT, {
        args: [...args, String(replicas / processes), String(JOBS), ...when],
        readyWithinMs: 300_000,
      }),
    ),
  );
}

/** Each tick, over all processes. */
async function ticksOf(processes) {
  const all = new Map();
  for (const { at, runs, times } of (await Promise.all(processes.map((one) => one.call('ticks')))).flat()) {
    const tick = all.get(at) ?? { at, runs: 0, times: [] };
    all.set(at, { at, runs: tick.runs + runs, times: [...tick.times, ...times] });
  }
  return [...all.values()].sort((a, b) => a.at - b.at);
}

function figures(found, calls) {
  const of = (ticks) => ({
    median: ticks.map(({ times }) => quantile(times, 0.5)),
    last: ticks.map(({ times }) => Math.max(...times)),
  });
  const all = Object.fromEntries(Object.entries(found).map(([name, ticks]) => [name, of(ticks)]));
  const shown = Object.entries(all).map(([name, { median, last }]) => [
    name,
    {
      median: summary(median),
      last: summary(last),
      runs: summary(found[name].map(({ runs }) => runs)),
      isComplete: found[name].every(({ times }) => times.length === calls),
    },
  ]);
  const overFirst = (key) =>
    all.first && summary(all.today[key].map((value, index) => value / all.first[key][index]));
  return {
    ...Object.fromEntries(shown),
    overFirst: { median: overFirst('median'), last: overFirst('last') },
  };
}

export function tables(result) {
  const who = BUILDS.filter(({ name }) => result[name] !== undefined);
  const row = (text, key, times) => [text, ...who.map(({ name }) => ms(result[name][key])), times ?? ''];
  return [
    {
      title: `A tick of ${result.replicas} replicas that have the same ${result.jobs} jobs each`,
      head: ['', ...who.map(({ label }) => label), 'times the first build'],
      rows: [
        row(
          'a replica is done with a job, ms after the tick: median',
          'median',
          ratio(result.overFirst.median),
        ),
        row('the last one', 'last', ratio(result.overFirst.last)),
        ['runs a tick', ...who.map(({ name }) => figure(result[name].runs.median)), ''],
      ],
    },
  ];
}

export const goals = [
  {
    text: 'a tick of a fleet: half of the calls are answered, times the first build',
    want: 2,
    least: false,
    value: ({ jobFleet }) => jobFleet.overFirst.median.median,
  },
  {
    text: 'the same, the last call',
    want: 2,
    least: false,
    value: ({ jobFleet }) => jobFleet.overFirst.last.median,
  },
];
