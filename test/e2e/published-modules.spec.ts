import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { useDatabase } from '../support/database.js';
import { PackedApplication, ROOT } from './support/packed-application.js';

const database = useDatabase();
let application: PackedApplication;

beforeAll(async () => {
  application = await PackedApplication.create();
});
afterAll(() => application.remove());

const FOLDERS = ['esm', 'commonjs'] as const;
type Folder = (typeof FOLDERS)[number];

const path = (folder: Folder, ...names: string[]) => join(application.installed, 'dist', folder, ...names);

function modulesOf(folder: Folder): string[] {
  return readdirSync(path(folder)).filter((name) => name.endsWith('.js'));
}

/** What Node loads with a module, before anything is imported lazily. */
function loadedWith(name: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(name)) return found;
  found.add(name);
  const code = readFileSync(path('esm', name), 'utf8');
  for (const [, imported = ''] of code.matchAll(/(?:\bfrom|\bimport)\s*"\.\/([^"]+)"/g))
    loadedWith(imported, found);
  return found;
}

function sourcesOf(names: Iterable<string>): string[] {
  const maps = [...names].map((name) => readFileSync(path('esm', `${name}.map`), 'utf8'));
  return maps.flatMap((map) => (JSON.parse(map) as { readonly sources: string[] }).sources).sort();
}

/** The classes of lib/, by their names. */
function classesOfLib(): string[] {
  const files = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' });
  const texts = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(ROOT, 'lib', file), 'utf8'));
  return texts.flatMap((text) =>
    [...text.matchAll(/^export (?:abstract )?class (\w+)/gm)].map(([, name = '']) => name),
  );
}

describe('the published modules', () => {
  it('hold each part of the library once, whichever entry it is reached by', () => {
    const sources = sourcesOf(modulesOf('esm'));
    expect(sources.filter((source, n) => source === sources[n - 1])).toEqual([]);
    expect(sources.length).toBeGreaterThan(300);
  });

  it('are read by TypeScript, too, as the Jest of an application may read them', () => {
    const errors = modulesOf('esm').flatMap((name) => {
      const text = readFileSync(path('esm', name), 'utf8');
      const { diagnostics = [] } = ts.transpileModule(text, {
        fileName: 'x.js',
        reportDiagnostics: true,
        compilerOptions: { allowJs: true, module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
      });
      return diagnostics.map(({ messageText }) => `${name}: ${JSON.stringify(messageText)}`);
    });
    expect(errors).toEqual([]);
  });

  it.each(FOLDERS)('give every class the name that it has in lib/: %s', (folder) => {
    const declared = modulesOf(folder).flatMap((name) => {
      const code = readFileSync(path(folder, name), 'utf8');
      return [...code.matchAll(/(?:\bclass\s+(?!extends\b)|\b(?=\w+ ?= ?class(?: extends\b|\s*\{)))(\w+)/g)];
    });
    const names = new Set(declared.map(([, name]) => name));
    const classes = classesOfLib();
    expect(classes.length).toBeGreaterThan(200);
    expect(classes.filter((name) => !names.has(name))).toEqual([]);
    const renamed = [...names].filter(
      (name) => classes.includes(name?.replace(/^_|\d+$/g, '') ?? '') && !classes.includes(name ?? ''),
    );
    expect(renamed).toEqual([]);
  });

  it('name the classes that they export, and every one of ours that Nest calls by its name', async () => {
    application.write(
      'names.mjs',
      `import 'reflect-metadata';
      import { readdirSync } from 'node:fs';
      import { pathToFileURL } from 'node:url';
      const folder = pathToFileURL(process.env.FOLDER + '/').href;
      const isClass = (value) => typeof value === 'function' && /^class\\b/.test(Function.prototype.toString.call(value));
      const wrong = [];
      let count = 0;
      for (const name of readdirSync(process.env.FOLDER).filter((name) => name.endsWith('.js') && name !== 'bin.js'))
        for (const [key, value] of Object.entries(await import(folder + name)))
          if (isClass(value) && ++count && value.name !== key) wrong.push([name, key, value.name]);
      console.log(JSON.stringify({ wrong, enough: count > 60 }));`,
    );
    const { stdout, stderr } = await application.run('node', ['names.mjs'], { FOLDER: path('esm') });
    expect({ stdout, stderr }).toEqual({ stdout: '{"wrong":[],"enough":true}\n', stderr: '' });
  });

  it('load nothing of the dashboard, explain, the testing kit or the command with the library', () => {
    const loaded = sourcesOf(loadedWith('index.js'));
    expect(loaded.filter((source) => /lib\/(dashboard|explain|testing|cli)\//.test(source))).toEqual([]);
    expect(loaded.length).toBeGreaterThan(100);
  });

  it('load a command when it runs', () => {
    const loaded = sourcesOf(loadedWith('bin.js'));
    expect(loaded.filter((source) => /lib\/(dashboard|explain|nest)\//.test(source))).toEqual([]);
    expect(
      loaded
        .filter((source) => source.includes('lib/cli/commands/'))
        .every((source) => source.endsWith('.command.ts')),
    ).toBe(true);
  });

  it('throw the errors of the library from every entry', async () => {
    application.write(
      'errors.mjs',
      `import 'reflect-metadata';
      import { PgLockError, PgLockModule, PgLockService, PgLockUsageError } from 'nestjs-pglock';
      import { explainMigration } from 'nestjs-pglock/explain';
      import { PgLockTestingModule, holdLock } from 'nestjs-pglock/testing';
      import { PgLockDashboardModule } from 'nestjs-pglock/dashboard';
      import { Module } from '@nestjs/common';
      import { NestFactory } from '@nestjs/core';
      class Broken {}
      Module({ imports: [PgLockModule.forRoot({ connection: process.env.TEST_URL }), PgLockDashboardModule.forRoot({ authorise: true })] })(Broken);
      const caught = async (work) => { try { await work(); } catch (error) { return error; } };
      const app = await NestFactory.createApplicationContext(PgLockTestingModule.forRoot(), { logger: false });
      console.log(JSON.stringify([
        (await caught(() => explainMigration({ database: 1 }))) instanceof PgLockError,
        (await caught(() => NestFactory.createApplicationContext(Broken, { logger: false, abortOnError: false }))) instanceof PgLockError,
        (await caught(() => holdLock(1.5))) instanceof PgLockUsageError,
        (await caught(() => app.get(PgLockService).acquire(1.5))) instanceof PgLockUsageError,
      ]));`,
    );
    const { stdout, stderr } = await application.run('node', ['errors.mjs'], { TEST_URL: database.url });
    expect({ stdout, stderr }).toEqual({ stdout: '[true,true,true,true]\n', stderr: '' });
  });
});

describe('a stack of the published library', () => {
  const script = (library: string) => `
    await import('reflect-metadata');
    const { Module } = await import('@nestjs/common');
    const { NestFactory } = await import('@nestjs/core');
    const { PgLockModule, PgLockService } = (await import('node:module')).createRequire(import.meta.url)('${library}');
    class AppModule {}
    Module({ imports: [PgLockModule.forRoot({ connection: process.env.TEST_URL, advisory: { selfWait: 50 } })] })(AppModule);
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
    const pglock = app.get(PgLockService);
    const outer = () => pglock.advisory('invoice', inner);
    async function inner() {
      await pglock.acquire('invoice');
    }
    const waited = await outer().catch((error) => error);
    const refused = await pglock.acquire(1.5).catch((error) => error);
    console.log(JSON.stringify({ waited: waited.message, name: refused.name, stack: refused.stack }));
    await app.close();`;

  it.each([
    ['the ES modules', 'nestjs-pglock', []],
    ['the ES modules, with source maps', 'nestjs-pglock', ['--enable-source-maps']],
    ['the CommonJS copy', './node_modules/nestjs-pglock/dist/commonjs/index.js', []],
  ] as const)(
    'leads to the places of the application, and names what it went through: %s',
    async (_, library, more) => {
      application.write('stack.mjs', script(library));
      const args = ['--disable-warning=ExperimentalWarning', ...more, 'stack.mjs'];
      const { stdout, stderr } = await application.run('node', args, { TEST_URL: database.url });
      expect(stderr).toBe('');
      const { waited, name, stack } = JSON.parse(stdout) as Record<'waited' | 'name' | 'stack', string>;
      expect(waited.match(/\bstack\.mjs:\d+/g)).toHaveLength(2);
      expect(waited).not.toContain('nestjs-pglock/');
      expect(name).toBe('PgLockUsageError');
      expect(stack).toMatch(/at (async )?AdvisoryLocks\.acquire /);
      if (more.length > 0) expect(stack).toMatch(/nestjs-pglock\/lib\/locks\/advisory-locks\.ts:\d+/);
    },
  );
});
