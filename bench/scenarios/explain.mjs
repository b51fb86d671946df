import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { traceCommand } from '../../build/explain/trace/trace-command.js';
import { query } from '../harness/server.mjs';
import { figure } from '../report/figures.mjs';

const CLIENT = fileURLToPath(new URL('../children/explain-client.mjs', import.meta.url));

/**
 * What a command pays for being traced by `pglock explain`: statements that are passed on, and those that are looked at, beside
 * what it pays for a proxy that does nothing but pass bytes on, in the same process.
 */
export async function run({ place, quick, say }) {
  const [rounds, count] = quick ? [3, 200] : [7, 1_000];
  await query(place.url, 'CREATE TABLE explained (id int PRIMARY KEY, total int)');
  const proxy = await barelyPassing(place.url);
  try {
    await query(place.url, 'INSERT INTO explained VALUES (1, 1)');
    const seen = [];
    for (let round = 0; round < rounds; round++) {
      seen.push(await measured(place.url, proxy.url, count));
      say(`explain, round ${round + 1} of ${rounds}`);
    }
    return { count, rounds, ...summary(seen) };
  } finally {
    proxy.close();
    await query(place.url, 'DROP TABLE explained');
  }
}

/** A proxy that reads nothing of what it passes on. */
async function barelyPassing(url) {
  const { hostname, port } = new URL(url);
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host: hostname, port: Number(port), noDelay: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ])
      one.on('error', () => other.destroy()).pipe(other);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(server.address().port);
  return { url: through.href, close: () => server.close() };
}

async function measured(direct, proxy, count) {
  const options = { database: direct, live: null, yes: true, label: 'bench', env: process.env };
  const { result } = await traceCommand(options, async (env) => {
    const child = spawn(
      process.execPath,
      [CLIENT, String(count), JSON.stringify({ direct, proxy, traced: null })],
      {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    return JSON.parse(await text(child.stdout));
  });
  return result;
}

function summary(seen) {
  const times = (kind, way, base) => median(seen.map((one) => one[kind][way] / one[kind][base]));
  const kinds = ['select', 'simple', 'update', 'again'].map((kind) => [
    kind,
    {
      traced: times(kind, 'traced', 'direct'),
      proxy: times(kind, 'proxy', 'direct'),
      own: times(kind, 'traced', 'proxy'),
    },
  ]);
  return { ...Object.fromEntries(kinds), lookMs: median(seen.map(({ ddl }) => ddl.traced - ddl.direct)) };
}

function median(values) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)];
}

export function tables({ count, rounds, select, simple, update, again, lookMs }) {
  const row = (what, { traced, proxy, own }) => [what, ...[traced, proxy, own].map(figure)];
  return [
    {
      title: `A command under \`pglock explain\`: ${figure(count)} statements of each kind, ${rounds} rounds`,
      head: ['', 'times without', 'bare proxy, times without', 'times the bare proxy'],
      rows: [
        row('`SELECT`, extended protocol', select),
        row('`SELECT`, simple protocol', simple),
        row('`UPDATE` outside of a transaction', update),
        row('the same `UPDATE` again in a transaction', again),
        ['a statement that is looked at: milliseconds more', figure(lookMs), '', ''],
      ],
    },
  ];
}
