import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { ENTRANCES } from './compile.js';
import { ROOT, type Block } from './documents.js';
import { fragmentOf } from './fragment.js';

/** Compares what an example gave with what its comment promises. */
export type Check = (actual: unknown, promised: unknown) => void;

/** What fragments use without declaring it. */
export type World = Readonly<Record<string, unknown>>;

const CACHE = join(ROOT, '.cache/docs');

/** Runs a fragment in a world. `// → value` after a statement is what the statement's value must be. */
export async function runFragment(block: Block, world: World, check: Check): Promise<void> {
  const { imports, own, body, free } = fragmentOf(block);
  const used = Object.keys(world).filter((name) => free.has(name));
  const text = `${imports} ${own}\nexport async function example({ ${['__check', ...used].join(', ')} }: any) {\n${withChecks(body)}\n}`;
  const path = join(CACHE, block.document, `line-${String(block.line)}.ts`);
  const { example } = (await load(path, text)) as { example: (world: World) => Promise<void> };
  await example({ ...world, __check: check });
}

/** Writes blocks that are files, and imports one of them. */
export async function importFile(blocks: readonly Block[], name: string): Promise<Record<string, unknown>> {
  const files = blocks.filter((block) => block.language === 'ts' && block.file !== undefined);
  const pathOf = (block: Block) => join(CACHE, block.document, block.file!);
  for (const block of files) write(pathOf(block), block.code);
  const wanted = files.find(({ file }) => file === name);
  if (wanted === undefined) throw new Error(`no block begins with "// ${name}"`);
  return (await import(pathOf(wanted))) as Record<string, unknown>;
}

async function load(path: string, text: string): Promise<unknown> {
  write(path, text);
  return import(path);
}

/** Jest compiles what it imports; the library is taken from its sources. */
function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const resolved = Object.entries(ENTRANCES).reduce((code, [name, entrance]) => {
    const specifier = relative(dirname(path), entrance).replace(/\.ts$/, '.js');
    return code.replaceAll(`from '${name}'`, `from '${specifier}'`);
  }, text);
  writeFileSync(path, resolved);
}

function withChecks(code: string): string {
  const source = ts.createSourceFile('block.ts', code, ts.ScriptTarget.Latest, true);
  const edits = statementsOf(source).flatMap((statement) => editFor(code, statement));
  return edits
    .sort((a, b) => b.from - a.from)
    .reduce((text, { from, to, by }) => text.slice(0, from) + by + text.slice(to), code);
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly by: string;
}

function editFor(code: string, statement: ts.Statement): Edit[] {
  const [comment] = ts.getTrailingCommentRanges(code, statement.end) ?? [];
  const promised = comment && /^\/\/ → (.*)$/.exec(code.slice(comment.pos, comment.end))?.[1];
  if (promised === undefined) return [];
  if (ts.isVariableStatement(statement)) {
    const name = statement.declarationList.declarations[0]?.name.getText() ?? '';
    return [{ from: statement.end, to: statement.end, by: ` __check(${name}, (${promised}));` }];
  }
  if (!ts.isExpressionStatement(statement)) throw new Error(`nothing to compare with "→ ${promised}"`);
  const { expression } = statement;
  return [
    { from: statement.getStart(), to: statement.end, by: `__check(${expression.getText()}, (${promised}));` },
  ];
}

function statementsOf(node: ts.Node): ts.Statement[] {
  const inner = node.getChildren().flatMap(statementsOf);
  return ts.isExpressionStatement(node) || ts.isVariableStatement(node) ? [node, ...inner] : inner;
}
