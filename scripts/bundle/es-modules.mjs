import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import ts from 'typescript';
import { withOwnClassNames } from './class-names.mjs';
import { BUILD, COMMAND, DIST, ENTRIES } from './places.mjs';

const FOLDER = join(DIST, 'esm');

// Node prints the line that an uncaught error comes from: at a refused boot that must not be a whole module.
const LONGEST_LINE = 160;
const SHORTEST_LINE = 120;

/** Few files in place of hundreds; what is imported lazily, or by several entries, is a file of its own. Gives their code by name. */
export async function writeEsModules() {
  mkdirSync(FOLDER, { recursive: true });
  const files = await bundledInLines();
  for (const [path, text] of files) writeFileSync(path, text);
  chmodSync(join(FOLDER, 'bin.js'), 0o755);
  return new Map(modulesAmong(files).map(([path, text]) => [basename(path), text]));
}

/** Without their maps. */
function modulesAmong(files) {
  return [...files].filter(([path]) => path.endsWith('.js'));
}

/**
 * In lines that TypeScript reads, too, with which the CommonJS copy is made, and with which the Jest of an application may read these: it
 * does not read `a.` before a line break and `b instanceof c`, which is where a line may end.
 */
async function bundledInLines() {
  for (let lineLimit = LONGEST_LINE; lineLimit >= SHORTEST_LINE; lineLimit--) {
    const files = await bundled({ lineLimit, sourcemap: 'linked', sourcesContent: true });
    if (modulesAmong(files).every(([path, text]) => isReadByTypeScript(path, text))) return files;
  }
  throw new Error('TypeScript reads the published modules at no length of their lines.');
}

function isReadByTypeScript(path, text) {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2022).parseDiagnostics.length === 0;
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
