import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { useDatabase } from '../support/database.js';
import { PackedApplication, ROOT } from './support/packed-application.js';

const database = useDatabase();
let application: PackedApplication;

beforeAll(async () => {
  application = await PackedApplication.create();
});
afterAll(() => application.remove());

const PAGE = 'dist/page/';
const NEST_11 = join(ROOT, 'test/nest-11/node_modules');
const JOB = `
  class AppModule {}
  Module({ imports: [PgLockModule.forRoot({ connection: process.env.TEST_URL })] })(AppModule);
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
  const pglock = app.get(PgLockService);
  const result = await pglock.advisory('hello', { timeout: '5s' }, async (lock) => ({
    held: lock.held,
    key: lock.key,
    token: typeof (await lock.fencingToken()),
  }));
  const error = await pglock.acquire(1.5).catch((e) => e);
  await app.close();
  console.log(JSON.stringify({ ...result, refused: error instanceof PgLockUsageError }));`;
const ANSWER = {
  held: true,
  key: { classId: 245608543, objId: 3125670444, objSubId: 1 },
  token: 'bigint',
  refused: true,
};

describe('the packed package', () => {
  it('is imported by an ES module', async () => {
    application.write(
      'job.mjs',
      `import 'reflect-metadata';
      import { Module } from '@nestjs/common';
      import { NestFactory } from '@nestjs/core';
      import { PgLockModule, PgLockService, PgLockUsageError } from 'nestjs-pglock';
      ${JOB}`,
    );
    const { stdout, stderr } = await application.run('node', ['job.mjs'], { TEST_URL: database.url });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(ANSWER);
  });

  it('is required by a CommonJS module, and is the very same', async () => {
    application.write(
      'job.cjs',
      `require('reflect-metadata');
      const { Module } = require('@nestjs/common');
      const { NestFactory } = require('@nestjs/core');
      const { PgLockModule, PgLockService, PgLockUsageError } = require('nestjs-pglock');
      (async () => {
        if ((await import('nestjs-pglock')).PgLockService !== PgLockService) throw new Error('two copies');
        ${JOB}
      })();`,
    );
    const args = ['--disable-warning=ExperimentalWarning', 'job.cjs'];
    const { stdout, stderr } = await application.run('node', args, { TEST_URL: database.url });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(ANSWER);
  });

  it.each(['mjs', 'cjs'])('gives its testing kit to a test in .%s, without a database', async (extension) => {
    const get = (name: string) => (extension === 'mjs' ? `await import('${name}')` : `require('${name}')`);
    application.write(
      `kit.${extension}`,
      `${extension === 'mjs' ? 'await ' : ''}(async () => {
        ${extension === 'mjs' ? "await import('reflect-metadata')" : "require('reflect-metadata')"};
        const { NestFactory } = ${get('@nestjs/core')};
        const { PgLockService } = ${get('nestjs-pglock')};
        const { PgLockTestingModule, holdLock } = ${get('nestjs-pglock/testing')};
        const app = await NestFactory.createApplicationContext(PgLockTestingModule.forRoot(), { logger: false });
        const release = holdLock('x');
        const refused = await app.get(PgLockService).acquire('x', { timeout: 0 });
        release();
        const held = await app.get(PgLockService).acquire('x', { timeout: 0 });
        console.log(JSON.stringify([refused, held.held]));
      })();`,
    );
    const args = ['--disable-warning=ExperimentalWarning', `kit.${extension}`];
    expect(await application.run('node', args)).toMatchObject({ stdout: '[null,true]\n', stderr: '' });
  });

  it.each(['mjs', 'cjs'])('serves its page to an application in .%s', async (extension) => {
    const get = (name: string) => (extension === 'mjs' ? `await import('${name}')` : `require('${name}')`);
    application.link('@nestjs/platform-express');
    application.write(
      `page.${extension}`,
      `${extension === 'mjs' ? 'await ' : ''}(async () => {
        ${extension === 'mjs' ? "await import('reflect-metadata')" : "require('reflect-metadata')"};
        const { Module } = ${get('@nestjs/common')};
        const { NestFactory } = ${get('@nestjs/core')};
        const { PgLockModule } = ${get('nestjs-pglock')};
        const { PgLockDashboardModule } = ${get('nestjs-pglock/dashboard')};
        class AppModule {}
        Module({ imports: [
          PgLockModule.forRoot({ connection: process.env.TEST_URL }),
          PgLockDashboardModule.forRoot({ authorize: false }),
        ] })(AppModule);
        const app = await NestFactory.create(AppModule, { logger: false });
        await app.listen(0, '127.0.0.1');
        const url = 'http://127.0.0.1:' + app.getHttpServer().address().port + '/pglock/';
        const status = async (path) => (await fetch(url + path, { headers: { connection: 'close' } })).status;
        console.log(JSON.stringify([await status(''), await status('app.js'), await status('api/now')]));
        await app.close();
      })();`,
    );
    const args = ['--disable-warning=ExperimentalWarning', `page.${extension}`];
    const output = await application.run('node', args, { TEST_URL: database.url });
    expect(output).toMatchObject({ stdout: '[200,200,200]\n', stderr: '' });
  });

  it.each(['mjs', 'cjs'])('explains a migration in a test in .%s', async (extension) => {
    const get = (name: string) => (extension === 'mjs' ? `await import('${name}')` : `require('${name}')`);
    application.write(
      `explain.${extension}`,
      `${extension === 'mjs' ? 'await ' : ''}(async () => {
        const { explainMigration } = ${get('nestjs-pglock/explain')};
        const { version, statements } = await explainMigration({ database: process.env.TEST_URL, sql: 'CREATE TABLE t (a int)', yes: true });
        console.log(JSON.stringify([version, statements[0].locks[0].relation]));
      })();`,
    );
    const args = ['--disable-warning=ExperimentalWarning', `explain.${extension}`];
    const result = await application.run('node', args, { TEST_URL: database.url });
    expect(result).toMatchObject({ stdout: '[1,"public.t"]\n', stderr: '' });
  });

  it('is required by Jest, which cannot require() an ES module, with no setting for it', async () => {
    for (const name of ['common', 'core', 'testing']) application.link(`@nestjs/${name}`, NEST_11);
    application.write('jest.config.json', '{ "testRegex": "billing\\\\.spec\\\\.js$" }');
    application.write(
      'billing.spec.js',
      `require('reflect-metadata');
      const { Test } = require('@nestjs/testing');
      const { PgLockModule, PgLockService } = require('nestjs-pglock');
      const { holdLock, PgLockTestingModule } = require('nestjs-pglock/testing');
      const serviceOf = async (module) => {
        const app = await Test.createTestingModule({ imports: [module] }).compile();
        return { app, pglock: app.get(PgLockService) };
      };

      it('is the same service over a table in memory', async () => {
        const { app, pglock } = await serviceOf(PgLockTestingModule.forRoot());
        holdLock('billing.close');
        expect(await pglock.acquire('billing.close', { timeout: 0 })).toBeNull();
        await app.close();
      });

      it('locks in a transaction on a server, by an adapter that is loaded then', async () => {
        const { app, pglock } = await serviceOf(PgLockModule.forRoot({ connection: process.env.TEST_URL }));
        const lock = await pglock.transaction((transaction) => pglock.acquire('invoice:7', { transaction }));
        expect(lock.held).toBe(false);
        await app.close();
      });`,
    );
    const jest = join(ROOT, 'node_modules/jest/bin/jest.js');
    const { code, stderr } = await application.run('node', [jest, '--ci'], { TEST_URL: database.url });
    for (const name of ['common', 'core', 'testing']) application.link(`@nestjs/${name}`);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('Tests:       2 passed') as string,
    });
  });

  it('gives the kit its face without pg, which no test of that kind needs', async () => {
    application.unlink('pg');
    const { stdout, stderr } = await application.run('node', [
      '--input-type=module',
      '--eval',
      "import 'reflect-metadata'; console.log(Object.keys(await import('nestjs-pglock/testing')).length > 4)",
    ]);
    application.link('pg');
    expect([stdout, stderr]).toEqual(['true\n', '']);
  });

  it('has no other scripts of its own to run than pglock', async () => {
    expect(Object.keys(application.manifest.bin)).toEqual(['pglock']);
    const bin = join(application.installed, application.manifest.bin['pglock'] ?? '');
    expect(readFileSync(bin, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    const { code, stdout } = await application.run('node', [bin, '--help']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Usage: pglock')]);
  });

  const compiled = async (type: 'module' | 'commonjs', source: string, module = ['nodenext']) => {
    for (const name of ['@types/node', '@types/pg'])
      if (!existsSync(join(application.directory, 'node_modules', name))) application.link(name);
    application.write('package.json', JSON.stringify({ type }));
    application.write('consumer.ts', source);
    const strict = ['--strict', '--noEmit', '--experimentalDecorators', '--types', 'node', '--skipLibCheck'];
    const target = ['--module', ...module, '--target', 'es2023', '--lib', 'es2023,esnext.disposable'];
    const tsc = join(ROOT, 'node_modules/.bin/tsc');
    return application.run(tsc, [...target, ...strict, 'consumer.ts']);
  };

  it.each([
    ['module', 'nodenext', []],
    ['commonjs', 'nodenext', []],
    // What `nest new` set until 2025: it knows no `exports`.
    ['commonjs', 'commonjs', ['--moduleResolution', 'node10', '--ignoreDeprecations', '6.0']],
  ] as const)(
    'compiles in strict TypeScript of type %s and module %s, with its types complete',
    async (type, module, more) => {
      const { stdout } = await compiled(
        type,
        `import { PgLockModule, PgLockService, type LockHandle } from 'nestjs-pglock';
        import { PgLockTestingModule } from 'nestjs-pglock/testing';
        import { explainMigration, type ExplainReport } from 'nestjs-pglock/explain';
        export const report: Promise<ExplainReport> = explainMigration({ database: 'postgres://h/d', files: ['a.sql'] });
        declare const pglock: PgLockService;
        export const modules = [PgLockModule.forRoot(), PgLockTestingModule.forRoot()];
        export const lock: Promise<LockHandle | null> = pglock.acquire('x', { timeout: '2s' });
        export const rows = pglock.transaction(async (tx) => (await tx.query<{ n: number }>('SELECT 1 AS n')).rows);
        // @ts-expect-error a client is no number, so the types of pg are there
        export const client: Promise<number> = pglock.transaction((tx) => tx);`,
        [module, ...more],
      );
      expect(stdout).toBe('');
    },
  );

  it('tells the compiler of its consumers which texts are Durations', async () => {
    const { stdout } = await compiled(
      'module',
      `import type { Duration } from 'nestjs-pglock';
        // @ts-expect-error no Duration
        export const soon: Duration = 'soon';`,
    );
    expect(stdout).toBe('');
  });
});

describe('the tarball', () => {
  it('holds the compiled library, its types and maps, and what is to be read first', async () => {
    const files = await application.files();
    const others = files.filter((file) => !/^(dist\/.+\.(js|d\.ts|js\.map)|docs\/[\w-]+\.md)$/.test(file));
    const read = ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'];
    const page = files.filter((file) => file.startsWith(PAGE));
    expect(others.sort()).toEqual(
      [...read, 'dist/commonjs/package.json', ...page.filter((file) => file !== `${PAGE}app.js`)].sort(),
    );
    expect(page.map((file) => file.replace(PAGE, ''))).toEqual([
      'app.css',
      'app.js',
      'icon.svg',
      'index.html',
    ]);
    const compiled = files.filter((file) => /^dist\/esm\/.+\.js$/.test(file));
    expect(compiled.length).toBeLessThan(100);
    const sources = compiled.flatMap((file) => sourcesOf(join(application.installed, file)));
    expect(new Set(sources).size).toBeGreaterThan(300);
    const types = files.filter((file) => file.startsWith('dist/types/'));
    expect(files).toEqual(
      expect.arrayContaining(types.map((file) => file.replace(/^dist/, 'dist/commonjs'))),
    );
    const declared = types.map((file) => file.replace(/^dist\/types/, 'lib').replace(/\.d\.ts$/, '.ts'));
    expect(declared.length).toBeGreaterThan(100);
    for (const source of [...sources, ...declared])
      expect([source, existsSync(join(ROOT, source))]).toEqual([source, true]);
  });

  it('has no long lines: Node prints the whole line that an uncaught error comes from', async () => {
    const compiled = (await application.files()).filter((file) => /^dist\/esm\/.+\.js$/.test(file));
    const lines = compiled.flatMap((file) =>
      readFileSync(join(application.installed, file), 'utf8').split('\n'),
    );
    expect(lines.length).toBeGreaterThan(1_000);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(2_000);
  });

  it('holds every guide that its README links to', async () => {
    const files = await application.files();
    const readme = readFileSync(join(application.installed, 'README.md'), 'utf8');
    const guides = [...readme.matchAll(/\]\((docs\/[\w-]+\.md)/g)].map(([, guide]) => guide);
    expect(guides.length).toBeGreaterThan(20);
    expect(files).toEqual(expect.arrayContaining(guides));
  });

  it('holds everything that package.json points to', async () => {
    const files = await application.files();
    const { exports, bin, main, types, typesVersions } = application.manifest;
    const targets = textsIn([exports, bin, main, types, typesVersions]);
    expect(targets.length).toBeGreaterThan(20);
    for (const target of targets) expect(files).toContain(target.replace(/^\.\//, ''));
  });

  it('has every file of its own that another one imports', async () => {
    const files = new Set(await application.files());
    const missing = [...files]
      .filter((file) => /\.(js|d\.ts)$/.test(file) && !file.startsWith(PAGE))
      .flatMap((file) => {
        const code = readFileSync(join(application.installed, file), 'utf8');
        const own = [...code.matchAll(/(?<!\.)(?:\bfrom|\bimport|\brequire)\s*\(?\s*["'](\.[^"']+)["']/g)];
        const extension = file.endsWith('.d.ts') ? '.d.ts' : '.js';
        return own
          .map(([, path = '']) => join(dirname(file), path).replace(/\.js$/, extension))
          .filter((path) => !files.has(path))
          .map((path) => `${file}: ${path}`);
      });
    expect(missing).toEqual([]);
  });

  it('imports nothing but what package.json asks for', async () => {
    const { dependencies, peerDependencies } = application.manifest;
    const allowed = new Set([...Object.keys({ ...dependencies, ...peerDependencies }), ...builtinModules]);
    const files = (await application.files()).filter(
      (file) => /\.(js|d\.ts)$/.test(file) && !file.startsWith(PAGE),
    );
    const strangers = files.flatMap((file) =>
      importsOf(readFileSync(join(application.installed, file), 'utf8'))
        .filter((name) => !allowed.has(packageOf(name)))
        .map((name) => `${file}: ${name}`),
    );
    expect(strangers).toEqual([]);
  });

  it('depends on packages that CONTRIBUTING gives a reason for, and no others', () => {
    const [, section = ''] = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8').split('\n## Dependencies\n');
    const rows = section.split('\n## ')[0]?.match(/^\| .*`.* \|$/gm) ?? [];
    const explained = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)]);
    expect(explained.map(([, name]) => name).sort()).toEqual(
      Object.keys(application.manifest.dependencies).sort(),
    );
  });

  it('has types that ask for no package beyond those of its public face', async () => {
    const types = (await application.files()).filter((file) => file.endsWith('.d.ts'));
    const names = types.flatMap((file) => importsOf(readFileSync(join(application.installed, file), 'utf8')));
    const packages = new Set(names.map(packageOf).filter((name) => !builtinModules.includes(name)));
    expect([...packages].sort()).toEqual(['@nestjs/common', '@nestjs/core', 'ms', 'pg', 'rxjs']);
  });

  it('has its documentation in its types', async () => {
    const service = readFileSync(join(application.installed, 'dist/types/pg-lock.service.d.ts'), 'utf8');
    expect(service).toContain('Sends `SELECT pg_catalog.pg_try_advisory_lock($1)`');
    expect(await application.files()).not.toContain('dist/types/index.d.ts.map');
  });

  it('passes publint and Are The Types Wrong', async () => {
    const bin = (name: string) => join(ROOT, 'node_modules/.bin', name);
    const publint = await application.run(bin('publint'), ['run', application.tarball, '--strict']);
    expect(publint).toMatchObject({ code: 0, stdout: expect.stringContaining('All good!') as string });
    const attw = [application.tarball, '--no-definitely-typed', '--format', 'ascii'];
    expect(await application.run(bin('attw'), attw)).toMatchObject({ code: 0 });
  });
});

/** The files of lib/ that its source map leads to. */
function sourcesOf(file: string): string[] {
  const { sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { readonly sources: string[] };
  return sources.map((source) => relative(application.installed, join(dirname(file), source)));
}

/** All texts in it, however deep. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Object.values(value ?? {}).flatMap(textsIn);
}

/** What a module imports from packages, re-exports and types included. */
function importsOf(code: string): string[] {
  const found = code.matchAll(/(?<!\.)(?:\bfrom|\bimport|\brequire)\s*\(?\s*["']([^."'][^"']*)["']/g);
  return [...found].map(([, name]) => name ?? '').filter((name) => /^[@\w][\w@/:.-]*$/.test(name));
}

function packageOf(name: string): string {
  const [first = '', second = ''] = name.replace(/^node:/, '').split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
