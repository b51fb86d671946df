import { readFile } from 'node:fs/promises';
import { startWorker } from '../harness/rounds.mjs';
import { query } from '../harness/server.mjs';
import { summary } from '../harness/statistics.mjs';
import { per, ratio } from '../report/figures.mjs';

const TASKS = 100;
const WHO = [
  { name: 'hand', module: 'pool', label: 'by hand, a `pg` pool of 10' },
  { name: 'today', module: 'library', label: 'nestjs-pglock' },
];
const PIDS = `SELECT pid FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;
/** What the kernel counts in, on every Linux that Node runs on. */
const MICROS_A_TICK = 10_000;

/** What a lock costs the server, by what the kernel says of its processes; only where they can be seen. */
export async function run({ place, quick, rounds, say }) {
  if ((await cpuTicks(place.url).catch(() => undefined)) === undefined) return { unseen: true };
  const workers = {};
  const found = Object.fromEntries(WHO.map(({ name }) => [name, []]));
  try {
    for (const one of WHO) workers[one.name] = await startWorker(one, place);
    for (const { name } of WHO)
      await workers[name].call('throughput', { tasks: TASKS, ms: quick ? 100 : 1_000 });
    for (let round = 0; round < rounds; round++) {
      say(`round ${round + 1} of ${rounds}`);
      for (const { name } of WHO)
        found[name].push(await micros(workers[name], place.url, quick ? 300 : 1_000));
    }
  } finally {
    await Promise.all(Object.values(workers).map((worker) => worker.stop()));
  }
  const ratios = found.hand.map((hand, round) => hand / Math.max(found.today[round], 0.01));
  return { hand: summary(found.hand), today: summary(found.today), ratio: summary(ratios) };
}

async function micros(worker, url, ms) {
  const before = await cpuTicks(url);
  const { cycles } = await worker.call('throughput', { tasks: TASKS, ms });
  return (((await cpuTicks(url)) - before) * MICROS_A_TICK) / cycles;
}

/** The time of all backends of this database so far; those of the bench live from the first measure to the last. */
async function cpuTicks(url) {
  const rows = await query(url, PIDS);
  const stats = await Promise.all(rows.map(({ pid }) => readFile(`/proc/${pid}/stat`, 'latin1')));
  return stats.reduce((sum, stat) => {
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
}

export function tables(result) {
  if (result.unseen) return [];
  return [
    {
      title: `What a lock costs the server, ${TASKS} at once`,
      head: ['', 'µs of CPU a lock'],
      rows: [
        ...WHO.map(({ name, label }) => [label, per(result[name])]),
        ['by hand, times nestjs-pglock', ratio(result.ratio)],
      ],
    },
  ];
}

export const goals = [
  {
    text: 'server CPU a lock by hand, times this library’s, 100 at once',
    want: 27,
    least: true,
    value: ({ serverCpu }) => serverCpu.ratio.median,
  },
];
