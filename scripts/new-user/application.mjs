import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NEST = join(ROOT, 'node_modules/@nestjs/cli/bin/nest.js');
/** What `nest new` writes for Vitest, which is not among our own dependencies. */
const FOR_VITEST = ['src/app.controller.spec.ts', 'test', 'vitest.config.ts', 'vitest.config.e2e.ts'];
/** So that npm's settings of whoever runs this do not reach the commands of the new application. */
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS)/i.test(name)),
);

/** Makes what `nest new` makes, outside of the repository, with the packed library installed. */
export async function newApplication() {
  const parent = mkdtempSync(join(tmpdir(), 'nestjs-pglock-new-'));
  const options = ['--skip-install', '--skip-git', '--package-manager', 'npm', '--language', 'TS'];
  await run(process.execPath, [NEST, 'new', 'shop', ...options], { cwd: parent, env: ENV });
  const directory = join(parent, 'shop');
  for (const path of FOR_VITEST) rmSync(join(directory, path), { recursive: true });
  edit(join(directory, 'tsconfig.json'), (settings) => (settings.compilerOptions.types = ['node']));
  await install(directory, parent);
  return { directory, remove: () => rmSync(parent, { recursive: true, force: true }) };
}

/** The files of README's quick start, as they stand there, and what a user would write after reading the rest. */
export function write(directory) {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [quickStart = ''] = readme.slice(readme.indexOf('\n## Quick start\n')).split('\n## Recipes\n');
  const files = [...quickStart.matchAll(/```ts\n\/\/ ([\w.]+\.ts)\n(.*?)```/gs)];
  if (files.length < 4) throw new Error('README has no quick start of four files any more.');
  for (const [, name, code] of files) writeFileSync(join(directory, 'src', name), code);
  cpSync(join(ROOT, 'scripts/new-user/src'), join(directory, 'src'), { recursive: true });
  // Whoever counts the runs of a job has to see them.
  const job = join(directory, 'src/reports.service.ts');
  const counted = readFileSync(job, 'utf8').replace(
    'this.runs += 1;',
    '$& console.log(`tick ${Math.round(Date.now() / 1000)}`);',
  );
  writeFileSync(job, counted);
}

/** `nest build`, with the compiler that the application has. */
export async function build(directory) {
  await run(process.execPath, [NEST, 'build'], { cwd: directory, env: ENV });
}

/** Unpacks the tarball, and links whatever else npm would fetch: this works without a network. */
export async function install(directory, scratch) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch];
  const { stdout } = await run('npm', args, { cwd: ROOT, env: ENV });
  const [{ filename }] = JSON.parse(stdout);
  const modules = join(directory, 'node_modules');
  for (const name of packagesOf(join(ROOT, 'node_modules'))) link(modules, name);
  const library = join(modules, 'nestjs-pglock');
  mkdirSync(library);
  await run('tar', ['-xzf', join(scratch, filename), '-C', library, '--strip-components=1']);
}

function link(modules, name) {
  mkdirSync(join(modules, name, '..'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'junction');
}

/** The names of all packages, those of scopes one by one. */
function packagesOf(modules) {
  const names = readdirSync(modules).filter((name) => !name.startsWith('.') && name !== 'nestjs-pglock');
  return names.flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(modules, name)).map((part) => `${name}/${part}`) : [name],
  );
}

function edit(path, change) {
  const content = JSON.parse(readFileSync(path, 'utf8'));
  change(content);
  writeFileSync(path, JSON.stringify(content, undefined, 2));
}
