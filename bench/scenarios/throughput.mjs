import { RAW } from '../candidates/index.mjs';
import { Rounds } from '../harness/rounds.mjs';
import { openDistance } from '../network/distance.mjs';
import { FAILS, whyFailed } from '../report/failures.mjs';
import { figure, per, ratio } from '../report/figures.mjs';

/** The distance of the second table: what a network adds to each round trip. */
export const DISTANCE_MS = 2;

/** Locks acquired and released, by so many tasks at once, each on an id of its own: near the server, and away from it. */
export async function run({ place, candidates, quick, rounds, say }) {
  const near = quick ? [1, 100] : [1, 10, 100, 1_000, 10_000];
  const far = quick ? [100] : [1, 100, 1_000];
  const result = { near: await measure(place, near) };
  const distance = await openDistance(place.url, DISTANCE_MS);
  try {
    result.far = await measure({ ...place, url: distance.url }, far);
  } finally {
    await distance.close();
  }
  return result;

  async function measure(where, numbers) {
    const table = new Rounds(where);
    try {
      const roundTripMs = await table.roundTripMs();
      const measured = [];
      for (const tasks of numbers) {
        const able = candidates.filter(({ mostTasks }) => mostTasks >= tasks);
        const ms = quick ? { raw: 80, candidate: 100 } : { raw: 200, candidate: 300 };
        const told = (text) => say(`${tasks} tasks, ${text}`);
        measured.push(await table.run(able, { tasks, rounds, ms, say: told }));
      }
      return { roundTripMs, measured };
    } finally {
      await table.close();
    }
  }
}

export function tables({ near, far }, { candidates }) {
  return [
    table('Acquire and release, next to the server', near, candidates),
    table(`The same, ${DISTANCE_MS} ms away from the server`, far, candidates),
    costs(near, candidates),
  ];
}

function table(title, { roundTripMs, measured }, candidates) {
  const row = ({ name, label }) => [
    label,
    ...measured.map(({ candidates: all }) => (isFailed(all[name]) ? FAILS : (ratio(all[name]?.ratio) ?? ''))),
  ];
  const failed = measured.flatMap(({ tasks, candidates: all }) =>
    candidates
      .filter(({ name }) => isFailed(all[name]))
      .map(({ name, label }) => ({ label, tasks, reason: all[name].failed })),
  );
  return {
    title,
    head: ['times raw, median (quartiles)', ...measured.map(({ tasks }) => `${figure(tasks)} at once`)],
    rows: [
      [`${RAW.label}: locks a second`, ...measured.map(({ raw }) => figure(raw.median))],
      ...candidates.map(row),
    ],
    note: `A statement's round trip took ${figure(roundTripMs)} ms. ${whyFailed(failed)}`.trim(),
  };
}

function costs({ measured }, candidates) {
  const ours = candidates.filter((candidate) => candidate.ours);
  const rows = ours.flatMap(({ name, label }) => [
    [`${label}: locks a second`, ...measured.map(({ candidates: all }) => per(all[name]?.perSecond))],
    [
      `${label}: statements a lock`,
      ...measured.map(({ candidates: all }) => per(all[name]?.statementsPerLock)),
    ],
    [
      `${label}: CPU of the process a lock, µs`,
      ...measured.map(({ candidates: all }) => per(all[name]?.cpuMicros)),
    ],
  ]);
  return {
    title: 'What a lock costs, next to the server',
    head: ['median', ...measured.map(({ tasks }) => `${figure(tasks)} at once`)],
    rows,
  };
}

function isFailed(result) {
  return result?.failed !== undefined;
}
