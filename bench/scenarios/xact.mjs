import { startWorker } from '../harness/rounds.mjs';
import { summary } from '../harness/statistics.mjs';
import { openDistance } from '../network/distance.mjs';
import { ratio } from '../report/figures.mjs';
import { DISTANCE_MS } from './throughput.mjs';

const BUILDS = [
  { name: 'first', module: 'first-build', label: 'first build' },
  { name: 'today', module: 'library', label: 'today' },
];

/** A lock in a transaction of its own, with one statement as its work, far from the server: in round trips. */
export async function run({ place, quick, rounds, say }) {
  const distance = await openDistance(place.url, DISTANCE_MS);
  const workers = {};
  const trips = {};
  try {
    for (const build of BUILDS.filter(({ name }) => !quick || name === 'today')) {
      say(build.label);
      workers[build.name] = await startWorker(build, { url: distance.url });
      trips[build.name] = [];
    }
    for (let round = 0; round < rounds; round++)
      for (const [name, worker] of Object.entries(workers))
        trips[name].push(await worker.call('xact', { count: quick ? 5 : 40 }));
  } finally {
    await Promise.all(Object.values(workers).map((worker) => worker.stop()));
    await distance.close();
  }
  return Object.fromEntries(Object.entries(trips).map(([name, list]) => [name, summary(list)]));
}

export function tables(result) {
  const builds = BUILDS.filter(({ name }) => result[name] !== undefined);
  return [
    {
      title: `\`advisory(id, { xact: true })\`, ${DISTANCE_MS} ms away from the server`,
      head: ['', ...builds.map(({ label }) => label)],
      rows: [['round trips more than the work itself', ...builds.map(({ name }) => ratio(result[name]))]],
      note: 'The work is one statement, and a round trip is what that statement takes by itself in the same moments.',
    },
  ];
}

/** Measured in time, so that what the client does beside counts as well: a tenth of a round trip is for that. */
export const goals = [
  {
    text: 'a lock in a transaction 2 ms away: round trips more than the work',
    want: 2.1,
    least: false,
    value: ({ xact }) => xact.today.median,
  },
];
