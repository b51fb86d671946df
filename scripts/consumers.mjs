// node scripts/consumers.mjs: compiles and runs consumers of the packed library, ES modules and CommonJS, with each supported
// compiler and Node. It fetches those from npm, so that it is no part of `npm test`, which does the same with what is here.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { install } from './new-user/application.mjs';

const run = promisify(execFile);

const COMPILERS = ['5.9', '6.0'];
const NODES = ['20.19', '22', '24'];
const KINDS = ['module', 'commonjs'];

const SETTINGS = {
  compilerOptions: {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    outDir: 'dist',
  },
  files: ['consumer.ts'],
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

/** Versions of Node and of the compiler, side by side under names of their own. */
async function fetchTools(directory) {
  const tools = [
    ...COMPILERS.map((version) => `typescript-${version}@npm:typescript@~${version}.0`),
    ...NODES.map((version) => `node-${version}@npm:node@${version}`),
  ];
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ private: true }));
  await run('npm', ['install', '--no-audit', '--no-fund', '--foreground-scripts', ...tools], {
    cwd: directory,
  });
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

async function tryKind(tools, application, type) {
  writeFileSync(join(application, 'package.json'), JSON.stringify({ type }));
  for (const version of COMPILERS)
    await tried(`TypeScript ${version} compiles type ${type}`, () => {
      const compiler = join(tools, `node_modules/typescript-${version}/bin/tsc`);
      return run(process.execPath, [compiler], { cwd: application });
    });
  for (const version of NODES)
    await tried(`Node ${version} runs type ${type}`, async () => {
      const node = join(tools, `node_modules/node-${version}/bin/node`);
      const { stdout } = await run(node, ['dist/consumer.js'], { cwd: application });
      if (stdout.trim() !== '[true,true]') throw new Error(`it printed ${stdout}`);
    });
}

const scratch = mkdtempSync(join(tmpdir(), 'nestjs-pglock-consumers-'));
const [tools, application] = ['tools', 'application'].map((name) => join(scratch, name));
try {
  mkdirSync(tools);
  mkdirSync(application);
  await fetchTools(tools);
  await install(application, scratch);
  writeFileSync(join(application, 'tsconfig.json'), JSON.stringify(SETTINGS));
  writeFileSync(join(application, 'consumer.ts'), CONSUMER);
  for (const type of KINDS) await tryKind(tools, application, type);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
