import { dirname, join } from 'node:path';
import ts from 'typescript';
import { ROOT, whereIs, type Block } from './documents.js';
import { fragmentOf } from './fragment.js';

/** Options as `nest new --strict` writes them: what compiles here compiles for readers. */
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node', 'jest'],
  strict: true,
  strictPropertyInitialization: false,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  esModuleInterop: true,
  skipLibCheck: true,
  noEmit: true,
};

/** The library's entrances, as sources. */
export const ENTRANCES: Readonly<Record<string, string>> = {
  'nestjs-pglock': join(ROOT, 'lib/index.ts'),
  'nestjs-pglock/testing': join(ROOT, 'lib/testing/index.ts'),
  'nestjs-pglock/dashboard': join(ROOT, 'lib/dashboard/index.ts'),
  'nestjs-pglock/cli': join(ROOT, 'lib/cli/index.ts'),
};

const AMBIENT = join(ROOT, 'test/docs/support/ambient.d.ts');

/** The messages of the compiler about blocks, each with the block's place. */
export function compile(blocks: readonly Block[]): string[] {
  const files = new Map(blocks.map((block) => [pathOf(block), { block, text: sourceOf(block) }]));
  const host = ts.createCompilerHost(OPTIONS);
  const { getSourceFile, fileExists, directoryExists, readFile } = host;
  const folders = new Set([...files.keys()].map((path) => dirname(path)));
  host.directoryExists = (path) => folders.has(path) || (directoryExists?.call(host, path) ?? true);
  host.fileExists = (path) => files.has(path) || fileExists.call(host, path);
  host.readFile = (path) => files.get(path)?.text ?? readFile.call(host, path);
  host.getSourceFile = (path, options, ...rest) => {
    const file = files.get(path);
    return file === undefined
      ? getSourceFile.call(host, path, options, ...rest)
      : ts.createSourceFile(path, file.text, options);
  };
  host.resolveModuleNameLiterals = (literals, from, redirected, options, file) =>
    literals.map((literal) => resolve(literal, { from, redirected, options, file, host }));
  const program = ts.createProgram([...files.keys(), AMBIENT], OPTIONS, host);
  return [...files].flatMap(([path, { block }]) => {
    const source = program.getSourceFile(path);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map(
      (diagnostic) =>
        `${placeOf(diagnostic, block)} ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`,
    );
  });
}

interface Importing {
  readonly from: string;
  readonly redirected: ts.ResolvedProjectReference | undefined;
  readonly options: ts.CompilerOptions;
  readonly file: ts.SourceFile;
  readonly host: ts.CompilerHost;
}

function resolve(
  literal: ts.StringLiteralLike,
  { from, redirected, options, file, host }: Importing,
): ts.ResolvedModuleWithFailedLookupLocations {
  const entrance = ENTRANCES[literal.text];
  if (entrance !== undefined)
    return {
      resolvedModule: { resolvedFileName: entrance, extension: '.ts', isExternalLibraryImport: false },
    };
  const mode = ts.getModeForUsageLocation(file, literal, options);
  return ts.resolveModuleName(literal.text, from, options, host, undefined, redirected, mode);
}

/** Blocks that are files of one guide see each other. */
function pathOf(block: Block): string {
  const folder = join(ROOT, 'test/docs/blocks', block.document.replace('.md', ''));
  return join(folder, block.file ?? `line-${String(block.line)}.ts`);
}

/** The block's code begins on the second line of its file. */
function sourceOf(block: Block): string {
  if (block.file !== undefined) return `\n${block.code}`;
  const { imports, own, body, isModule } = fragmentOf(block);
  if (isModule) return `${imports} ${own}\n${body}`;
  return `${imports} ${own} export async function example() {\n${body}\n}`;
}

function placeOf({ file, start = 0 }: ts.Diagnostic, block: Block): string {
  const line = file?.getLineAndCharacterOfPosition(start).line ?? 0;
  return whereIs({ ...block, line: block.line + line - 1 });
}
