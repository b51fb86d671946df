import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { COMMAND, DIST } from './places.mjs';

const FOLDER = join(DIST, 'commonjs');
const OPTIONS = {
  module: ts.ModuleKind.CommonJS,
  target: ts.ScriptTarget.ES2022,
  esModuleInterop: true,
};
const OWN_URL = "require('node:url').pathToFileURL(__filename).href";

/**
 * The same modules for loaders that cannot `require()` an ES module, Jest first of all. Node never takes them: the condition
 * `module-sync` stands before `require`, so that one process has one copy.
 */
export function writeCommonJs(modules) {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, 'package.json'), '{ "type": "commonjs" }\n');
  for (const [name, text] of modules) {
    if (name === `${Object.keys(COMMAND)[0]}.js`) continue;
    const code = text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, '\n').replaceAll('import.meta.url', OWN_URL);
    writeFileSync(
      join(FOLDER, name),
      ts.transpileModule(code, { compilerOptions: OPTIONS, fileName: 'x.js' }).outputText,
    );
  }
}
