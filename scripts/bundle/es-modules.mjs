import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { withOwnClassNames } from './class-names.mjs';
import { BUILD, COMMAND, DIST, ENTRIES } from './places.mjs';

const FOLDER = join(DIST, 'esm');

/** Few files in place of hundreds; what is imported lazily, or by several entries, is a file of its own. */
export async function writeEsModules() {
  mkdirSync(FOLDER, { recursive: true });
  // Node prints the line that an uncaught error comes from: at a refused boot that must not be a whole module.
  const files = await bundled({ lineLimit: 160, sourcemap: 'linked', sourcesContent: true });
  for (const [path, text] of files) writeFileSync(path, text);
  chmodSync(join(FOLDER, 'bin.js'), 0o755);
}

/** The code of the same modules by name, without maps and line breaks: TypeScript does not read all that may be broken. */
export async function codeOfModules() {
  const files = await bundled({});
  return new Map([...files].map(([path, text]) => [basename(path), text]));
}

async function bundled(options) {
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
    ...options,
  });
  const named = ({ path, text }) => [path, path.endsWith('.js') ? withOwnClassNames(text, path) : text];
  return new Map(outputFiles.map(named));
}
