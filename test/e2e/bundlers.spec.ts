import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { useDatabase } from '../support/database.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ENTRY = join(ROOT, 'test/support/bundled/application.mjs');
const LIBRARY = join(ROOT, 'dist/esm/index.js');
const run = promisify(execFile);

interface Wish {
  readonly output: string;
  readonly minify: boolean;
  readonly keepNames: boolean;
}

// Each in a process of its own: bundlers are no guests of Jest's module loader.
const BUNDLERS = {
  esbuild: ({ output, minify, keepNames }: Wish) => `
    const { build } = await import('esbuild');
    const external = { name: 'external', setup(build) {
      build.onResolve({ filter: ${isExternalPattern()} }, ({ path }) => ({ path, external: true }));
    } };
    await build({ entryPoints: [${text(ENTRY)}], outfile: ${text(output)}, bundle: true, platform: 'node', format: 'esm',
      alias: { 'nestjs-pglock': ${text(LIBRARY)} }, plugins: [external], minify: ${String(minify)}, keepNames: ${String(keepNames)} });`,
  vite: ({ output, minify, keepNames }: Wish) => `
    const { build } = await import('vite');
    await build({ configFile: false, logLevel: 'error', resolve: { alias: { 'nestjs-pglock': ${text(LIBRARY)} } },
      build: { ssr: ${text(ENTRY)}, outDir: ${text(join(output, '..'))}, emptyOutDir: false, minify: ${String(minify)},
        rollupOptions: { external: ${isExternalPattern()}, output: { entryFileNames: ${text(output.split('/').at(-1) ?? '')},
          ${keepNames ? 'keepNames: true,' : ''} codeSplitting: false } } }, ssr: { noExternal: true } });`,
  webpack: ({ output, minify }: Wish) => `
    const { default: webpack } = await import('webpack');
    await new Promise((resolve, reject) => webpack({ mode: 'production', target: 'node20', entry: ${text(ENTRY)},
      output: { path: ${text(join(output, '..'))}, filename: ${text(output.split('/').at(-1) ?? '')}, module: true, chunkFormat: 'module',
        library: { type: 'module' } }, experiments: { outputModule: true },
      resolve: { alias: { 'nestjs-pglock': ${text(LIBRARY)} } }, externalsType: 'module',
      externals: [({ request }, done) => ${isExternalPattern()}.test(request) ? done(null, 'module ' + request) : done()],
      optimization: { minimize: ${String(minify)} } },
      (error, stats) => error || stats.hasErrors() ? reject(error ?? new Error(stats.toString())) : resolve()));`,
};

/** SWC bundles nothing by itself: it minifies what esbuild has bundled. */
const SWC = ({
  output,
  minify,
  keepNames,
}: Wish): string => `${BUNDLERS.esbuild({ output, minify: false, keepNames })}
    if (${String(minify)}) {
      const { readFileSync, writeFileSync } = await import('node:fs');
      const { minify } = await import('@swc/core');
      const names = ${String(keepNames)};
      const { code } = await minify(readFileSync(${text(output)}, 'utf8'), { module: true, compress: { keep_classnames: names, keep_fnames: names },
        mangle: { toplevel: true, keep_classnames: names, keep_fnames: names } });
      writeFileSync(${text(output)}, code);
    }`;

function text(value: string): string {
  return JSON.stringify(value);
}

/** What is no part of a bundle: everything that applications install beside this library. */
function isExternalPattern(): string {
  return String(/^(@nestjs|pg|rxjs|reflect-metadata|ms$|commander|node:)/);
}

describe.each(Object.entries({ ...BUNDLERS, swc: SWC }))('an application bundled by %s', (name, script) => {
  const db = useDatabase();
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(ROOT, '.cache-bundle-'));
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function bootOf(minify: boolean, keepNames: boolean): Promise<string> {
    const output = join(folder, `${String(minify)}-${String(keepNames)}.mjs`);
    const args = ['--input-type=module', '--eval', script({ output, minify, keepNames })];
    await run(process.execPath, args, { cwd: ROOT });
    const { stdout } = await run(process.execPath, [output], {
      cwd: ROOT,
      env: { ...process.env, PGLOCK_URL: db.url },
    });
    return stdout.trim();
  }

  // Webpack's minifier is told to keep names in a plugin of its own.
  it('locks under its default ids, where its classes keep their names', async () => {
    expect(await bootOf(false, true)).toBe('booted, held true');
    if (name !== 'webpack') expect(await bootOf(true, true)).toBe('booted, held true');
  });

  it('locks under them where nothing is minified, and nobody asked for names to be kept', async () => {
    expect(await bootOf(false, false)).toBe('booted, held true');
  });

  it('is refused at boot where a minifier has renamed its classes, whatever their names look like', async () => {
    expect(await bootOf(true, false)).toMatch(
      /^refused: .*(minifier|begins with no upper-case letter).* Give it an id/,
    );
  });
});
