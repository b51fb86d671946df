// node scripts/consumers.mjs: compiles and runs consumers of the packed library, ES modules and CommonJS, with each supported
// compiler and Node. It fetches those from npm, so that it is no part of `npm test`, which does the same with what is here.
// One that cannot be fetched is not tried, and that is said; with `--all` it is a failure.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { install } from './new-user/application.mjs';

const run = promisify(execFile);
const { values } = parseArgs({ options: { all: { type: 'boolean', default: false } } });

const COMPILERS = ['5.9', '6.0'];
const FETCHED_WITHIN_MS = 180_000;
const NODES = ['20.19', '22', '24'];
const KINDS = [
  { type: 'module', module: 'nodenext', compilers: COMPILERS },
  { type: 'commonjs', module: 'nodenext', compilers: COMPILERS },
  // What `nest new` set until 2025. The compiler knows no `exports` then.
  { type: 'commonjs', module: 'commonjs', compilers: ['5.9'] },
];

const OPTIONS = {
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  outDir: 'dist',
};

/** What both kinds of modules do; only `main` tells how they would do it themselves. */
const CONSUMER = `
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AdvisoryLock, PgLockModule, PgLockService, WithAdvisoryLock, type LockHandle } from 'nestjs-pglock';
import { PgLockTestingModule } from 'nestjs-pglock/testing';

@Injectable()
class Billing {
  constructor(readonly pglock: PgLockService) {}

  @WithAdvisoryLock('billing.close')
  async close(): Promise<boolean> {
    return this.pglock.isHeld('billing.close');
  }

  async hold(): Promise<boolean> {
    await using lock: LockHandle | null = await this.pglock.acquire('billing.close', { timeout: '2s' });
    return lock?.held ?? false;
  }
}
export const modules = [PgLockModule.forRoot(), AdvisoryLock('x')];

async function main(): Promise<void> {
  const imports = [PgLockTestingModule.forRoot()];
  const app = await Test.createTestingModule({ imports, providers: [Billing] }).compile();
  await app.init();
  const billing = app.get(Billing);
  console.log(JSON.stringify([await billing.close(), await billing.hold()]));
  await app.close();
}
void main();
`;

/** A version of a package under a name of its own; undefined where npm does not give it. */
async function fetched(directory, name, version) {
  const alias = `${name}-${version}`;
  const place = join(directory, alias);
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), '{ "private": true }');
  const options = ['--no-audit', '--no-fund', '--no-package-lock', '--foreground-scripts'];
  try {
    await run('npm', ['install', ...options, `${name}@${version}`], {
      cwd: place,
      timeout: FETCHED_WITHIN_MS,
    });
  } catch (error) {
    console.log(`– ${name} ${version} cannot be fetched, and is not tried\n${error.stderr}`);
    if (values.all) process.exitCode = 1;
    return undefined;
  }
  return join(place, 'node_modules', name);
}

/** The versions that could be fetched, and where they are. */
async function fetchAll(directory, name, versions) {
  const places = await Promise.all(versions.map((version) => fetched(directory, name, version)));
  return new Map(
    versions.map((version, n) => [version, places[n]]).filter(([, place]) => place !== undefined),
  );
}

async function tried(what, work) {
  try {
    await work();
    console.log(`✓ ${what}`);
  } catch (error) {
    console.log(`✗ ${what}\n${error.stdout ?? ''}${error.stderr ?? error.message}`);
    process.exitCode = 1;
  }
}

async function tryKind(application, { type, module, compilers }, tools) {
  const kind = `type ${type}, module ${module}`;
  writeFileSync(join(application, 'package.json'), JSON.stringify({ type }));
  const settings = { compilerOptions: { module, ...OPTIONS }, files: ['consumer.ts'] };
  writeFileSync(join(application, 'tsconfig.json'), JSON.stringify(settings));
  for (const version of compilers.filter((one) => tools.compilers.has(one)))
    await tried(`TypeScript ${version} compiles ${kind}`, () =>
      run(process.execPath, [join(tools.compilers.get(version), 'bin/tsc')], { cwd: application }),
    );
  for (const [version, place] of tools.nodes)
    await tried(`Node ${version} runs ${kind}`, async () => {
      const { stdout } = await run(join(place, 'bin/node'), ['dist/consumer.js'], { cwd: application });
      if (stdout.trim() !== '[true,true]') throw new Error(`it printed ${stdout}`);
    });
}

const scratch = mkdtempSync(join(tmpdir(), 'nestjs-pglock-consumers-'));
const application = join(scratch, 'application');
try {
  mkdirSync(application);
  await install(application, scratch);
  writeFileSync(join(application, 'consumer.ts'), CONSUMER);
  const compilers = await fetchAll(scratch, 'typescript', COMPILERS);
  const nodes = await fetchAll(scratch, 'node', NODES);
  for (const kind of KINDS) await tryKind(application, kind, { compilers, nodes });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
