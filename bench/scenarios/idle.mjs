import { setTimeout as pause } from 'node:timers/promises';
import { Remote } from '../harness/remote.mjs';
import { query } from '../harness/server.mjs';
import { figure } from '../report/figures.mjs';

/** As many as 50 are for 200 replicas. */
const jobsOf = (replicas) => Math.max(1, replicas / 4);
const SCRIPT = new URL('../children/jobs-app.mjs', import.meta.url);
const CONNECTIONS = `SELECT count(*)::int AS count FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;

/** A fleet whose jobs are kept by one replica or another: what it says to the server, between the ticks and with them. */
export async function run({ place: { url }, quick, say }) {
  const [replicas, ms] = quick ? [4, 1_000] : [16, 20_000];
  const jobs = jobsOf(replicas);
  const fleet = [];
  try {
    for (let i = 0; i < replicas; i++)
      fleet.push(await Remote.start(SCRIPT, { args: [url, String(jobs), '{}'] }));
    const all = (name) => Promise.all(fleet.map((replica) => replica.call(name)));
    while (sum(await all('runs')) < jobs) await pause(100);
    say(`${replicas} replicas whose ${jobs} jobs tick every second`);
    const ticking = await statementsPerSecond(all, ms);
    if (ticking < 1) throw new Error('the statements of jobs that tick every second were not counted');
    await all('stopJobs');
    await pause(1_000);
    say('the same between the ticks');
    const idle = await statementsPerSecond(all, ms);
    const [{ count }] = await query(url, CONNECTIONS);
    return { jobs, replicas, connections: count, ticking: ticking / replicas, idle: idle / replicas };
  } finally {
    await Promise.all(fleet.map((replica) => replica.stop()));
  }
}

async function statementsPerSecond(all, ms) {
  const before = sum(await all('statements'));
  const startedAt = performance.now();
  await pause(ms);
  const sent = sum(await all('statements')) - before;
  return (sent / (performance.now() - startedAt)) * 1_000;
}

function sum(numbers) {
  return numbers.reduce((a, b) => a + b, 0);
}

export function tables({ jobs, replicas, connections, ticking, idle }) {
  return [
    {
      title: `A fleet of ${replicas} replicas that keep ${jobs} jobs`,
      head: ['', 'a replica', 'the fleet'],
      rows: [
        ['statements a second between the ticks', figure(idle), figure(idle * replicas)],
        ['statements a second while all jobs tick every second', figure(ticking), figure(ticking * replicas)],
        ['connections', figure(connections / replicas), figure(connections)],
      ],
      note: 'With the default lease of 5 s.',
    },
  ];
}

export const goals = [
  {
    text: '200 replicas that keep 50 jobs (in this run 16 and 4): statements a second and replica between the ticks',
    want: 0.25,
    least: false,
    value: ({ idle }) => idle.idle,
  },
];
