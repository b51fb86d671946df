// `npm run bench`: see README.md beside this file.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildIfStale } from '../scripts/build-if-stale.mjs';
import { print } from './report/print.mjs';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    peers: { type: 'boolean', default: true },
    rounds: { type: 'string' },
    only: { type: 'string' },
    publish: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
  },
  allowNegative: true,
});
const say = (text) => process.stderr.write(`bench: ${text}\n`);

if (values.report) {
  const { LATEST, publish } = await import('./report/publish.mjs');
  const result = JSON.parse(await readFile(LATEST, 'utf8'));
  print(result);
  await publish(result);
} else {
  buildIfStale();
  const withPeers = values.peers && !values.quick;
  if (withPeers) installPeers();
  const { measure } = await import('./measure.mjs');
  const result = await measure({
    withPeers,
    quick: values.quick,
    rounds: Number(values.rounds ?? (values.quick ? 1 : 7)),
    only: values.only?.split(','),
    say,
  });
  print(result);
  const { keep, publish } = await import('./report/publish.mjs');
  if (!values.quick) say(`kept as ${await keep(result)}`);
  if (values.publish) await publish(result);
}

/** Peers are installed when they are measured, and only then. */
function installPeers() {
  const here = fileURLToPath(new URL('.', import.meta.url));
  if (existsSync(`${here}node_modules`)) return;
  say('installing the peers');
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) say('the peers could not be installed; the rest is measured without them');
}
