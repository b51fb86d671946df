import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { jobsModule } from '../children/jobs-app.mjs';
import { countStatements, pgOfLibrary } from '../harness/count-statements.mjs';
import { Remote } from '../harness/remote.mjs';
import { figure } from '../report/figures.mjs';

const JOBS = 50;
/** What is counted are the ticks. */
const NO_HEARTBEATS = { heartbeat: '1h', lease: '3h' };
const SCRIPT = new URL('../children/jobs-app.mjs', import.meta.url);

/** Jobs that all tick every second, on a replica that gets none of their locks: what do the skipped ticks cost? */
export async function run({ place: { url }, quick }) {
  const args = [url, String(JOBS), JSON.stringify(NO_HEARTBEATS)];
  const holder = await Remote.start(SCRIPT, { args });
  while ((await holder.call('runs')) < JOBS) await new Promise((resolve) => setTimeout(resolve, 100));
  let runs = 0;
  const sent = countStatements(pgOfLibrary);
  const app = await NestFactory.createApplicationContext(
    jobsModule(url, JOBS, NO_HEARTBEATS, () => runs++),
    { logger: ['error'] },
  );
  const statements = perTick(sent, quick ? 2 : 10);
  const result = { jobs: JOBS, ...(await statements), runs };
  await app.close();
  await holder.stop();
  return result;
}

/** The statements of each tick by themselves; the first tick, which opens the connection, does not count. */
async function perTick(statements, ticks) {
  const counts = [];
  await untilHalfSecond();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  for (let tick = 0; tick < ticks; tick++) {
    const before = statements();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    counts.push(statements() - before);
  }
  return { counts };
}

function untilHalfSecond() {
  return new Promise((resolve) => setTimeout(resolve, 1_500 - (Date.now() % 1_000)));
}

export function tables({ jobs, counts, runs }) {
  const sorted = counts.toSorted((a, b) => a - b);
  return [
    {
      title: `${jobs} jobs of one replica tick at once, and another replica has all their locks`,
      head: ['', 'median', 'most'],
      rows: [
        [
          'statements a tick, all jobs together',
          figure(sorted[Math.floor(sorted.length / 2)]),
          figure(sorted.at(-1)),
        ],
        ['jobs that ran', figure(runs), ''],
      ],
    },
  ];
}
