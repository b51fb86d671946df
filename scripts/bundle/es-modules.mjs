import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { withOwnClassNames } from './class-names.mjs';
import { BUILD, COMMAND, DIST, ENTRIES } from './places.mjs';

const FOLDER = join(DIST, 'esm');

/** Few files in place of hundreds; what is imported lazily, or by several entries, is a file of its own. Gives their code by name. */
export async function writeEsModules() {
  const entries = Object.entries({ ...ENTRIES, ...COMMAND });
  const { outputFiles } = await build({
    entryPoints: entries.map(([out, path]) => ({ out, in: join(BUILD, `${path}.js`) })),
    outdir: FOLDER,
    write: false,
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    target: 'node20',
    format: 'esm',
    // Node keeps the text of a module in the heap, blanks and comments included. Names stay, for those who read stacks.
    minifyWhitespace: true,
    legalComments: 'none',
    sourcemap: 'linked',
    sourcesContent: true,
  });
  mkdirSync(FOLDER, { recursive: true });
  const modules = new Map();
  for (const { path, text } of outputFiles) {
    const content = path.endsWith('.js') ? withOwnClassNames(text, path) : text;
    writeFileSync(path, content);
    if (path.endsWith('.js')) modules.set(basename(path), content);
  }
  chmodSync(join(FOLDER, 'bin.js'), 0o755);
  return modules;
}
