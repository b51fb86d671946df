import { startWorker } from '../harness/rounds.mjs';
import { summary } from '../harness/statistics.mjs';
import { openDistance } from '../network/distance.mjs';
import { figure, ratio } from '../report/figures.mjs';
import { DISTANCE_MS } from './throughput.mjs';

const BUILDS = {
  first: { name: 'first-build', module: 'first-build' },
  today: { name: 'library', module: 'library' },
};
const RANDOM = { perSecond: 500, ms: 1_500 };

/** Today's build beside the first one: in every round each runs once, in turn the one or the other before. */
export async function run({ place, quick, rounds, say }) {
  const near = await compare(place, quick ? [100] : [1, 10, 100, 1_000, 10_000]);
  const distance = await openDistance(place.url, DISTANCE_MS);
  try {
    const far = await compare({ ...place, url: distance.url }, quick ? [100] : [100, 1_000], true);
    return { near, far };
  } finally {
    await distance.close();
  }

  async function compare(where, numbers, atRandom = false) {
    const workers = {
      first: await startWorker(BUILDS.first, where),
      today: await startWorker(BUILDS.today, where),
    };
    try {
      const measured = [];
      for (const tasks of numbers) measured.push({ tasks, ratio: await ratios(workers, tasks) });
      return { measured, random: atRandom ? await random(workers, where) : undefined };
    } finally {
      await Promise.all(Object.values(workers).map((worker) => worker.stop()));
    }
  }

  async function ratios(workers, tasks) {
    const ms = quick ? 100 : 400;
    const speed = async (build) => (await workers[build].call('throughput', { tasks, ms })).perSecond;
    for (const build of ['first', 'today']) await speed(build);
    const all = [];
    for (let round = 0; round < rounds; round++) {
      say(`${tasks} at once, round ${round + 1} of ${rounds}`);
      const order = round % 2 === 0 ? ['first', 'today'] : ['today', 'first'];
      const speeds = {};
      for (const build of order) speeds[build] = await speed(build);
      all.push(speeds.today / speeds.first);
    }
    return summary(all);
  }

  /** What a request at random waits for its lock and its release, in round trips. */
  async function random(workers, where) {
    const raw = await startWorker({ name: 'raw', module: 'raw' }, where);
    const roundTripMs = summary(await raw.call('roundTrips', { count: 100 })).median;
    await raw.stop();
    const times = { first: [], today: [] };
    for (let round = 0; round < Math.min(rounds, 5); round++)
      for (const build of ['first', 'today'])
        times[build].push(
          ...(await workers[build].call('arrivals', quick ? { ...RANDOM, ms: 300 } : RANDOM)),
        );
    const trips = (build) => {
      const sorted = times[build].sort((a, b) => a - b);
      const at = (share) => sorted[Math.floor(share * (sorted.length - 1))] / roundTripMs;
      return { median: at(0.5), p99: at(0.99) };
    };
    return { roundTripMs, first: trips('first'), today: trips('today') };
  }
}

export function tables({ near, far }) {
  const { random } = far;
  return [
    {
      title: "Today's build beside the first one: locks acquired and released",
      head: ['times the first build, median (quartiles)', 'next to the server', `${DISTANCE_MS} ms away`],
      rows: near.measured.map(({ tasks, ratio: nearby }) => [
        `${figure(tasks)} at once`,
        ratio(nearby),
        ratio(far.measured.find((other) => other.tasks === tasks)?.ratio) ?? '',
      ]),
    },
    {
      title: `Requests at random, ${RANDOM.perSecond} a second, ${DISTANCE_MS} ms away: a lock and its release, in round trips`,
      head: ['', 'first build', 'today'],
      rows: ['median', 'p99'].map((name) => [name, figure(random.first[name]), figure(random.today[name])]),
      note: `2 is the floor. A round trip took ${figure(random.roundTripMs)} ms.`,
    },
  ];
}

const at = (table, count) => table.measured.find(({ tasks }) => tasks === count).ratio.median;

export const goals = [
  ...[1, 10, 100, 1_000].map((count) => ({
    text: `${figure(count)} at once next to the server, times the first build`,
    want: 0.95,
    least: true,
    value: ({ firstBuild: { near } }) => at(near, count),
  })),
  ...[
    [100, 1.4],
    [1_000, 1.6],
  ].map(([count, want]) => ({
    text: `${figure(count)} at once ${DISTANCE_MS} ms away, times the first build`,
    want,
    least: true,
    value: ({ firstBuild: { far } }) => at(far, count),
  })),
  ...[
    ['median', 2.3],
    ['p99', 4],
  ].map(([name, want]) => ({
    text: `requests at random, ${DISTANCE_MS} ms away: ${name} of a lock and its release, in round trips`,
    want,
    least: false,
    value: ({ firstBuild: { far } }) => far.random.today[name],
  })),
];
