#!/usr/bin/env bash
# esbuild 0.28.2, TypeScript 5.9.3 and 6.0.3: with `lineLimit`, esbuild may break a line behind a dot, which JavaScript allows. TypeScript takes the name on the
# next line for the beginning of something else where a word follows it (`a.⏎owner instanceof b`): transpileModule, as
# loaders with `allowJs` call it, reports "Identifier expected" and returns a text that is no JavaScript. Node runs what esbuild wrote.
source "$(dirname "$0")/support.sh"

cat >"$folder/finding.mjs" <<'JS'
import vm from 'node:vm';
import esbuild from 'esbuild';
import ts from 'typescript';

const kinds = Array.from({ length: 40 }, (_, n) => n);
const source = kinds.map((n) => `function is${'x'.repeat(n)}(entry, Kind) { return entry.owner instanceof Kind; }`).join('\n');
const parses = (text) => {
  try {
    new vm.Script(text);
    return 'runs';
  } catch (error) {
    return error.name;
  }
};
console.log(`TypeScript ${ts.version}`);
for (const lineLimit of [0, 80]) {
  const { code } = esbuild.transformSync(source, { minifyWhitespace: true, lineLimit });
  const compilerOptions = { allowJs: true, module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
  const { diagnostics, outputText } = ts.transpileModule(code, { compilerOptions, fileName: 'x.js', reportDiagnostics: true });
  const errors = [...new Set(diagnostics.map(({ code, messageText }) => `TS${code} ${messageText}`))];
  console.log(`lineLimit ${lineLimit}: as written ${parses(code)}, transpiled ${parses(outputText)} ${errors}`.trimEnd());
}
JS
for typescript in 5.9.3 6.0.3; do
  packages esbuild@0.28.2 "typescript@$typescript"
  node "$folder/finding.mjs"
done >"$folder/seen"
same='lineLimit 0: as written runs, transpiled runs
lineLimit 80: as written runs, transpiled SyntaxError TS1003 Identifier expected.'
expect "TypeScript 5.9.3
$same
TypeScript 6.0.3
$same" "$folder/seen"
