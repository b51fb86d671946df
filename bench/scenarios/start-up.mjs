import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { summary } from '../harness/statistics.mjs';
import { figure, ms } from '../report/figures.mjs';

const execute = promisify(execFile);
const PGLOCK = fileURLToPath(new URL('../../dist/esm/bin.js', import.meta.url));
const COMMANDS = { 'node -e 0': ['-e', '0'], 'pglock --help': [PGLOCK, '--help'] };

/** From the start of the command to its end, beside a Node that does nothing; in turn, so that noise meets both alike. */
export async function run({ quick, rounds }) {
  const times = Object.fromEntries(Object.keys(COMMANDS).map((name) => [name, []]));
  for (let round = 0; round < (quick ? 2 : 3 * rounds); round++)
    for (const [name, args] of Object.entries(COMMANDS)) {
      const startedAt = performance.now();
      await execute(process.execPath, args);
      times[name].push(performance.now() - startedAt);
    }
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, summary(list)]));
}

export function tables(times) {
  const node = times['node -e 0'];
  return [
    {
      title: 'How long the command takes to start',
      head: ['', 'milliseconds, median (quartiles)', 'times `node`'],
      rows: Object.entries(times).map(([name, time]) => [
        `\`${name}\``,
        ms(time),
        figure(time.median / node.median),
      ]),
    },
  ];
}
