// node scripts/commonjs.mjs: the library as CommonJS, for loaders that cannot `require()` an ES module, Jest first of all. Node never
// takes it: the condition `module-sync` stands before `require`, so that one process has one copy.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const DIST = fileURLToPath(new URL('../dist', import.meta.url));
const COMMONJS = join(DIST, 'commonjs');
const ENTRIES = ['index', 'testing/index', 'dashboard/index', 'explain/index', 'cli/index'];
const compilerOptions = {
  module: ts.ModuleKind.CommonJS,
  target: ts.ScriptTarget.ES2022,
  esModuleInterop: true,
};

/** Those files and all that they import, by their paths without an extension. */
function withImports(paths, extension, found = new Set()) {
  for (const path of paths) {
    if (found.has(path)) continue;
    found.add(path);
    const { importedFiles } = ts.preProcessFile(readFileSync(path + extension, 'utf8'), true, true);
    const own = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'));
    const imported = own.map((name) => join(dirname(path), name.replace(/\.js$/, '')));
    withImports(imported, extension, found);
  }
  return found;
}

function convert(extension, conversion) {
  const entries = ENTRIES.map((entry) => join(DIST, entry));
  for (const path of withImports(entries, extension)) {
    const target = join(COMMONJS, relative(DIST, path) + extension);
    mkdirSync(dirname(target), { recursive: true });
    const text = readFileSync(path + extension, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n');
    writeFileSync(target, conversion(text, relative(dirname(target), path + extension)));
  }
}

/** Where the ES module itself stands, so that both find the same files beside them. */
function metaUrl(twin) {
  return `require('node:url').pathToFileURL(require('node:path').join(__dirname, ${JSON.stringify(twin)})).href`;
}

convert('.js', (text, twin) => {
  const placed = text.replaceAll('import.meta.url', metaUrl(twin));
  return ts.transpileModule(placed, { compilerOptions, fileName: 'x.js' }).outputText;
});
convert('.d.ts', (text) => text);
writeFileSync(join(COMMONJS, 'package.json'), '{ "type": "commonjs" }\n');
