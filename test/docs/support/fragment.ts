import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { ROOT, type Block } from './documents.js';

/** Where names come from that fragments use without importing them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'nestjs-pglock': publicNames(),
  'nestjs-pglock/testing': ['PgLockTesting', 'PgLockTestingModule', 'holdLock', 'loseLock'],
  '@nestjs/common': [
    'Body',
    'Controller',
    'Get',
    'Inject',
    'Injectable',
    'Logger',
    'Module',
    'Param',
    'Post',
    'Sse',
    'UseGuards',
    'UseInterceptors',
    'type ExecutionContext',
    'type INestApplication',
    'type MessageEvent',
  ],
  '@nestjs/core': ['NestFactory'],
  '@nestjs/schedule': ['Cron', 'CronExpression', 'Interval', 'ScheduleModule', 'Timeout'],
  '@nestjs/testing': ['Test'],
  pg: ['Pool', 'type PoolClient', 'type Client'],
  rxjs: ['Observable', 'interval', 'map'],
};

/** The names that `lib/index.ts` exports, types marked as such. */
function publicNames(): string[] {
  const source = ts.createSourceFile(
    'index.ts',
    readFileSync(join(ROOT, 'lib/index.ts'), 'utf8'),
    ts.ScriptTarget.Latest,
  );
  return source.statements.filter(ts.isExportDeclaration).flatMap((declaration) => {
    const clause = declaration.exportClause;
    if (clause === undefined || !ts.isNamedExports(clause)) return [];
    return clause.elements.map((element) => {
      const isType = declaration.isTypeOnly || element.isTypeOnly;
      return isType ? `type ${element.name.text}` : element.name.text;
    });
  });
}

/** A fragment as a module: what it uses is imported, and statements stand in a function. */
export interface Fragment {
  /** The imports that it lacks, on one line. */
  readonly imports: string;
  /** Its own imports, then the rest, with as many lines as the block has. */
  readonly own: string;
  readonly body: string;
  /** Whether the body declares classes and exports, rather than doing something. */
  readonly isModule: boolean;
  /** Names that it uses and does not declare. */
  readonly free: ReadonlySet<string>;
}

export function fragmentOf({ code }: Block): Fragment {
  const source = ts.createSourceFile('block.ts', code, ts.ScriptTarget.Latest, true);
  const imports = source.statements.filter(ts.isImportDeclaration);
  const rest = source.statements.filter((statement) => !ts.isImportDeclaration(statement));
  const own = imports
    .map((statement) => statement.getText())
    .join(' ')
    .replaceAll('\n', ' ');
  const body = imports.reduce((text, statement) => blank(text, statement.getStart(), statement.end), code);
  const declared = new Set([...imports.flatMap(importedNames), ...rest.flatMap(declaredNames)]);
  const free = new Set([...identifiers(source)].filter((name) => !declared.has(name)));
  return { imports: importsFor(free), own, body, isModule: rest.some(isExported), free };
}

function importsFor(free: ReadonlySet<string>): string {
  return Object.entries(PACKAGES)
    .map(([name, exports]) => {
      const used = exports.filter((one) => free.has(one.replace('type ', '')));
      return used.length === 0 ? '' : `import { ${used.join(', ')} } from '${name}';`;
    })
    .join(' ');
}

function blank(text: string, from: number, to: number): string {
  return text.slice(0, from) + text.slice(from, to).replaceAll(/[^\n]/g, ' ') + text.slice(to);
}

function importedNames({ importClause }: ts.ImportDeclaration): string[] {
  const bindings = importClause?.namedBindings;
  const named = bindings === undefined ? [] : ts.isNamedImports(bindings) ? bindings.elements : [bindings];
  return [importClause?.name, ...named.map(({ name }) => name)].flatMap((name) => name?.text ?? []);
}

function declaredNames(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.flatMap(({ name }) =>
      ts.isIdentifier(name) ? name.text : [],
    );
  const { name } = statement as Partial<ts.ClassDeclaration>;
  return name === undefined ? [] : [name.text];
}

function isExported(statement: ts.Statement): boolean {
  return (
    ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
  );
}

function* identifiers(node: ts.Node): Generator<string> {
  if (ts.isIdentifier(node)) yield node.text;
  for (const child of node.getChildren()) yield* identifiers(child);
}
