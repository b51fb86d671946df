import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { BUILD, DIST, ENTRIES } from './places.mjs';

/** What the package.json of the folder around them says is what they declare: ES modules, or CommonJS. */
const FOLDERS = [join(DIST, 'types'), join(DIST, 'commonjs/types')];

/** The types of the entries, and of all that they refer to. */
export function writeDeclarations() {
  for (const path of withImports(Object.values(ENTRIES).map((entry) => join(BUILD, `${entry}.d.ts`))))
    for (const folder of FOLDERS) {
      const target = join(folder, relative(BUILD, path));
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(path, target);
    }
}

function withImports(paths, found = new Set()) {
  for (const path of paths) {
    if (found.has(path)) continue;
    found.add(path);
    const { importedFiles } = ts.preProcessFile(readFileSync(path, 'utf8'), true, true);
    const own = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'));
    withImports(
      own.map((name) => join(dirname(path), name.replace(/\.js$/, '.d.ts'))),
      found,
    );
  }
  return found;
}
