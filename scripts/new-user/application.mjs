import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
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
const PRISMA = join(ROOT, 'node_modules/prisma/build/index.js');
const NEST_11 = join(ROOT, 'test/nest-11/node_modules');
/** The Jest that `nest new` of Nest 11 sets up; ours is here for ts-jest, which is not among our dependencies. */
const JEST = {
  rootDir: 'src',
  testRegex: '.*\\.spec\\.ts$',
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'commonjs' },
      },
    ],
  },
};
/** What `nest new` writes for Vitest, which is not among our own dependencies. */
const FOR_VITEST = ['src/app.controller.spec.ts', 'test', 'vitest.config.ts', 'vitest.config.e2e.ts'];
/** So that npm's settings of the user who runs this do not reach the commands of the new application. */
const ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_OPTIONS)/i.test(name)),
);

/**
 * Makes what `nest new` makes, outside of the repository, with the packed library installed: an ES module on Nest 12 (`module`), or
 * CommonJS on Nest 11, with Jest (`commonjs`).
 */
export async function newApplication(kind) {
  const parent = mkdtempSync(join(tmpdir(), 'nestjs-pglock-new-'));
  const options = ['--skip-install', '--skip-git', '--package-manager', 'npm', '--language', 'TS'];
  await run(process.execPath, [NEST, 'new', 'shop', ...options], { cwd: parent, env: ENV });
  const directory = join(parent, 'shop');
  for (const path of FOR_VITEST) rmSync(join(directory, path), { recursive: true });
  edit(join(directory, 'tsconfig.json'), (settings) => (settings.compilerOptions.types = ['node']));
  await install(directory, parent);
  if (kind === 'commonjs') becomeNest11(directory);
  return { directory, kind, remove: () => rmSync(parent, { recursive: true, force: true }) };
}

function becomeNest11(directory) {
  edit(join(directory, 'package.json'), (manifest) => delete manifest.type);
  writeFileSync(join(directory, 'jest.config.json'), JSON.stringify(JEST));
  const modules = join(directory, 'node_modules');
  for (const name of packagesOf(NEST_11)) {
    rmSync(join(modules, name), { recursive: true, force: true });
    link(modules, name, NEST_11);
  }
}

/** The files of README's quick start, as they stand there, and what a user would write after reading the rest. */
export function write({ directory, kind }) {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [quickStart = ''] = readme.slice(readme.indexOf('\n## Quick start\n')).split('\n## Recipes\n');
  const files = [...quickStart.matchAll(/```ts\n\/\/ ([\w.]+\.ts)\n(.*?)```/gs)];
  if (files.length < 4) throw new Error('README has no quick start of four files any more.');
  for (const [, name, code] of files) writeFileSync(join(directory, 'src', name), code);
  cpSync(join(ROOT, 'scripts/new-user/src'), join(directory, 'src'), { recursive: true });
  cpSync(join(ROOT, 'scripts/new-user/schema.prisma'), join(directory, 'schema.prisma'));
  if (kind === 'commonjs') withoutExtensions(join(directory, 'src'));
  // The counter of a job's runs has to see them.
  const job = join(directory, 'src/reports.service.ts');
  const counted = readFileSync(job, 'utf8')
    .replace('{ AdvisoryLock }', '{ AdvisoryLock, CurrentTick }')
    .replace('rebuild()', 'rebuild(@CurrentTick() tick?: { scheduledAt: Date })')
    .replace('this.runs += 1;', '$& console.log(`tick ${tick?.scheduledAt.toISOString()}`);');
  writeFileSync(job, counted);
}

/** Applications on Nest 11 import their own files without an extension, and their Jest finds them only so. */
function withoutExtensions(sources) {
  for (const name of readdirSync(sources).filter((name) => name.endsWith('.ts'))) {
    const path = join(sources, name);
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/(from '\.\/.+)\.js';/g, "$1';"));
  }
}

/** `prisma generate` and `nest build`, with the compiler that the application has. */
export async function build({ directory }) {
  await run(process.execPath, [PRISMA, 'generate', '--schema', 'schema.prisma'], {
    cwd: directory,
    env: { ...ENV, PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true' },
  });
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
  if (!existsSync(join(library, 'dist/esm/index.js')))
    throw new Error('The tarball has no dist/: npm run build');
}

function link(modules, name, from = join(ROOT, 'node_modules')) {
  mkdirSync(join(modules, name, '..'), { recursive: true });
  symlinkSync(join(from, name), join(modules, name), 'junction');
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
