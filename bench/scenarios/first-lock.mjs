import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { firstBuild } from '../harness/first-build.mjs';
import { summary } from '../harness/statistics.mjs';
import { figure, ms, ratio } from '../report/figures.mjs';

const execute = promisify(execFile);
const CHILD = fileURLToPath(new URL('../children/first-lock.mjs', import.meta.url));
const TODAY = fileURLToPath(new URL('../../dist/esm/index.js', import.meta.url));

/** Applications that do nothing but take one lock: from the import to the first lock, and the memory that stays. */
export async function run({ place, quick, rounds, say }) {
  const builds = { none: '', ...(quick ? {} : { first: firstBuild() }), today: TODAY };
  const found = Object.fromEntries(Object.keys(builds).map((name) => [name, []]));
  for (let round = 0; round < (quick ? 1 : rounds); round++) {
    say(`round ${round + 1}`);
    for (const [name, build] of Object.entries(builds)) {
      const { stdout } = await execute(process.execPath, ['--expose-gc', CHILD, build, place.url]);
      found[name].push(JSON.parse(stdout));
    }
  }
  return Object.fromEntries(Object.keys(builds).map((name) => [name, figures(found, name)]));
}

function figures(found, name) {
  const of = (value) => summary(found[name].map(value));
  const above = (key) => of((one) => one[key] - median(found.none, key));
  const overFirst = (value) =>
    found.first && summary(found[name].map((one, round) => value(one) / value(found.first[round])));
  const none = median(found.none, 'heapBytes');
  return {
    firstLockMs: of(({ firstLockMs }) => firstLockMs),
    heapBytes: above('heapBytes'),
    rssBytes: above('rssBytes'),
    firstLockOverFirst: overFirst(({ firstLockMs }) => firstLockMs),
    heapOverFirst: overFirst(({ heapBytes }) => heapBytes - none),
  };
}

function median(list, key) {
  return summary(list.map((one) => one[key])).median;
}

export function tables(result) {
  const builds = ['first', 'today'].filter((name) => result[name] !== undefined);
  const row = (text, value) => [text, ...builds.map((name) => value(result[name]))];
  const kB = (bytes) => figure(bytes.median / 1_000);
  return [
    {
      title: 'From `import` to the first lock, and what the module keeps in an idle application',
      head: ['', ...builds.map((name) => (name === 'first' ? 'first build' : 'today'))],
      rows: [
        row('milliseconds from `import` to the first lock', ({ firstLockMs }) => ms(firstLockMs)),
        row('times the first build', ({ firstLockOverFirst }) => ratio(firstLockOverFirst) ?? ''),
        row('heap, kB', ({ heapBytes }) => kB(heapBytes)),
        row('times the first build', ({ heapOverFirst }) => ratio(heapOverFirst) ?? ''),
        row('resident memory, kB', ({ rssBytes }) => kB(rssBytes)),
      ],
      note: 'Memory above that of the same application without the module; Nest and `pg` are in both.',
    },
  ];
}

export const goals = [
  {
    text: 'time from import to the first lock, times the first build',
    want: 0.75,
    least: false,
    value: ({ firstLock }) => firstLock.today.firstLockOverFirst.median,
  },
  {
    text: 'heap of the module in an idle application, times the first build',
    want: 0.75,
    least: false,
    value: ({ firstLock }) => firstLock.today.heapOverFirst.median,
  },
];
