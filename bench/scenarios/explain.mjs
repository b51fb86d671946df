import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { traceCommand } from '../../build/explain/trace/trace-command.js';
import { query } from '../harness/server.mjs';
import { figure } from '../report/figures.mjs';

const CLIENT = fileURLToPath(new URL('../children/explain-client.mjs', import.meta.url));

/** What a command pays for being traced by `pglock explain`: statements that are passed on, and those that are looked at. */
export async function run({ place, quick, say }) {
  const [rounds, count] = quick ? [3, 200] : [7, 1_000];
  await query(place.url, 'CREATE TABLE explained (id int PRIMARY KEY, total int)');
  try {
    await query(place.url, 'INSERT INTO explained VALUES (1, 1)');
    const seen = [];
    for (let round = 0; round < rounds; round++) {
      const times = {};
      const steps = [() => measured(envOf(place), count), () => traced(place, count)];
      const order = round % 2 === 0 ? [0, 1] : [1, 0];
      for (const at of order) times[at === 0 ? 'direct' : 'traced'] = await steps[at]();
      seen.push(times);
      say(`explain, round ${round + 1} of ${rounds}`);
    }
    return { count, rounds, ...summary(seen) };
  } finally {
    await query(place.url, 'DROP TABLE explained');
  }
}

function envOf({ url }) {
  return { ...process.env, DATABASE_URL: url };
}

async function traced(place, count) {
  const options = { database: place.url, live: null, yes: true, label: 'bench', env: process.env };
  const { result } = await traceCommand(options, (env) => measured(env, count));
  return result;
}

async function measured(env, count) {
  const child = spawn(process.execPath, [CLIENT, String(count)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(await text(child.stdout));
}

function summary(seen) {
  const times = (kind) => median(seen.map(({ direct, traced }) => traced[kind] / direct[kind]));
  return {
    select: times('select'),
    simple: times('simple'),
    update: times('update'),
    lookMs: median(seen.map(({ direct, traced }) => traced.ddl - direct.ddl)),
  };
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

export function tables({ count, rounds, select, simple, update, lookMs }) {
  return [
    {
      title: `A command under \`pglock explain\`: ${figure(count)} statements of each kind, ${rounds} rounds`,
      head: ['', 'this run'],
      rows: [
        ['`SELECT`, extended protocol, times without', figure(select)],
        ['`SELECT`, simple protocol, times without', figure(simple)],
        ['`UPDATE` outside of a transaction, times without', figure(update)],
        ['a statement that is looked at: milliseconds more', figure(lookMs)],
      ],
    },
  ];
}
