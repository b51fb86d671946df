import type { ExplainedStatement, ExplainFinding, ExplainReport } from '../../explain/report.js';
import { timeText } from '../../explain/observe/time-text.js';
import { oneLine, safeLines } from '../../vocabulary/one-line.js';
import { figures, lockOf, summaryText } from './report-text.js';
import { placeOf } from './statement-text.js';

const MARKS: Readonly<Record<ExplainFinding['severity'], string>> = {
  danger: '🔴',
  warning: '🟡',
  info: '🔵',
};

/** The report for a pull request. @internal */
export function reportMarkdown(report: ExplainReport, { safe }: { readonly safe: boolean }): string[] {
  return [
    '### What this migration locks',
    '',
    summaryText(report),
    '',
    '| where | statement | strongest lock | on | time | findings |',
    '| --- | --- | --- | --- | ---: | --- |',
    ...report.statements.map(row),
    ...report.statements.flatMap((one) => details(one, safe)),
    ...live(report),
  ];
}

function row(statement: ExplainedStatement): string {
  const mode = lockOf(statement);
  const relations = statement.locks
    .filter((lock) => lock.created !== true && lock.mode === mode)
    .map(({ relation }) => code(relation));
  const found =
    statement.error === null
      ? statement.findings.map(({ id, severity }) => `${MARKS[severity]} ${id}`)
      : ['**failed**'];
  const cells = [
    cell(placeOf(statement)),
    code(shortened(statement.sql)),
    mode,
    relations.join(', '),
    timeText(statement.durationMs),
    found.join(' '),
  ];
  return `| ${cells.join(' | ')} |`;
}

function details(statement: ExplainedStatement, safe: boolean): string[] {
  const { error, findings } = statement;
  if (error === null && findings.length === 0) return [];
  return [
    '',
    `**${cell(placeOf(statement))}** ${code(shortened(statement.sql))}`,
    '',
    ...(error === null ? [] : [`- ❌ ${cell(error.message)} (${error.code})`]),
    ...findings.flatMap(({ id, name, severity, title, remedy }) => [
      `- ${MARKS[severity]} **${id} ${name}**: ${cell(title)}`,
      ...(safe
        ? ['', '  ```sql', ...safeLines(remedy).map((line) => `  ${line.replaceAll('```', "'''")}`), '  ```']
        : []),
    ]),
  ];
}

function live({ live: relations }: ExplainReport): string[] {
  if (relations === null || relations.length === 0) return [];
  return [
    '',
    '### On the live database',
    '',
    ...relations.map(
      (one) => `- ${code(one.relation)} (${one.mode}; ${cell(figures(one))}): ${cell(one.verdict)}`,
    ),
  ];
}

const MOST = 80;

function shortened(sql: string): string {
  const line = oneLine(sql);
  return line.length > MOST ? `${line.slice(0, MOST - 1)}…` : line;
}

/** Text from a database or a file, as nothing but text. */
function cell(text: string): string {
  return oneLine(text).replace(/[\\`*_{}[\]<>|#~@!]/g, '\\$&');
}

/** As code: a longer fence than any inside, and no bar, which ends a cell also there. */
function code(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  const pad = longest > 0 ? ' ' : '';
  return `${fence}${pad}${oneLine(text).replaceAll('|', '\\|')}${pad}${fence}`;
}
