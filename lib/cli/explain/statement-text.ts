import type { ExplainedLock, ExplainedStatement, ExplainFinding } from '../../explain/report.js';
import type { Paint, Style } from '../render/paint.js';
import { oneLine, safeLines } from '../../vocabulary/one-line.js';
import { wrap } from './wrap.js';

/** How a statement is drawn. @internal */
export interface StatementTextOptions {
  readonly paint: Paint;
  /** With the safer statements of each finding. */
  readonly safe: boolean;
}

const SEVERITY: Readonly<Record<ExplainFinding['severity'], Style>> = {
  danger: 'red',
  warning: 'yellow',
  info: 'cyan',
};
const LABEL = 14;

/** One statement with all that it did. @internal */
export function statementText(statement: ExplainedStatement, options: StatementTextOptions): string[] {
  const { paint } = options;
  const title = `${placeOf(statement)}  ${oneLine(statement.sql)}`;
  return [
    ...wrap(title, '', '  ')
      .slice(0, 4)
      .map((line) => paint('bold', line)),
    ...facts(statement).flatMap(([label, text]) =>
      wrap(text, `  ${label.padEnd(LABEL)}`, ' '.repeat(LABEL + 2)),
    ),
    ...errorText(statement, paint),
    ...statement.findings.flatMap((finding) => findingText(finding, options)),
  ];
}

/** `0042.sql:3`. @internal */
export function placeOf({ file, line }: Pick<ExplainedStatement, 'file' | 'line'>): string {
  return `${oneLine(file)}:${line}`;
}

function facts(statement: ExplainedStatement): (readonly [label: string, text: string])[] {
  const { locks, heldBefore, rewrites, scans } = statement;
  const visible = locks.filter(({ created }) => created !== true);
  const made = locks.filter(({ created, kind }) => created === true && !kind.endsWith('index'));
  return [
    ...visible.map((lock, index) => [index === 0 ? 'locks' : '', lockText(lock)] as const),
    ...list(
      'makes',
      made.map(({ relation }) => relation),
    ),
    ...list(
      'still holds',
      heldBefore
        .filter(({ created }) => created !== true)
        .map(({ relation, mode }) => `${relation} (${mode})`),
    ),
    ...list('writes anew', rewrites),
    ...list('reads whole', scans),
    ...list('', notes(statement)),
  ];
}

function list(label: string, texts: readonly string[]): (readonly [string, string])[] {
  return texts.length === 0 ? [] : [[label, texts.map(oneLine).join(', ')]];
}

function notes({ transactional, carriedOut, partial }: ExplainedStatement): string[] {
  return [
    ...(carriedOut ? ['was carried out, and kept'] : []),
    ...(transactional ? [] : ['cannot run in a transaction']),
    ...(partial ? ['not everything of it could be seen'] : []),
  ];
}

function lockText({ relation, kind, mode, blocks }: ExplainedLock): string {
  const [first = '', ...more] = blocks;
  const stopped = blocks.includes('SELECT')
    ? 'SELECT and all else'
    : blocks.includes('INSERT')
      ? 'INSERT, UPDATE, DELETE'
      : [first, ...more].slice(0, 3).join(', ');
  return `${mode} on ${kind} ${oneLine(relation)}: stops ${stopped}`;
}

function errorText({ error, ...statement }: ExplainedStatement, paint: Paint): string[] {
  if (error === null) return [];
  const place =
    error.line === undefined
      ? placeOf(statement)
      : `${oneLine(statement.file)}:${error.line}:${error.column ?? 1}`;
  return wrap(
    `${place}: ${oneLine(error.message)} (${error.code})`,
    `  ${'failed'.padEnd(LABEL)}`,
    ' '.repeat(LABEL + 2),
  ).map((line) => paint('red', line));
}

function findingText(
  { id, name, severity, title, remedy }: ExplainFinding,
  { paint, safe }: StatementTextOptions,
): string[] {
  const [head = '', ...rest] = wrap(`${id} ${severity} ${name}: ${oneLine(title)}`, '  ', '      ');
  return [
    paint(SEVERITY[severity], head),
    ...rest,
    ...(safe ? safeLines(remedy).flatMap((line) => wrap(line, '      ', '        ')) : []),
  ];
}
