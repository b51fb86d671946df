import { isStronger, strongestOf } from '../../explain/observe/lock-strength.js';
import type { ExplainedStatement, ExplainReport, LiveRelation } from '../../explain/report.js';
import { timeText } from '../../explain/observe/time-text.js';
import { oneLine } from '../../vocabulary/one-line.js';
import { fit } from '../render/width.js';
import { placeOf, statementText, type StatementTextOptions } from './statement-text.js';
import { COLUMNS, wrap } from './wrap.js';

/** The report as people read it, in 80 columns: a table of all statements, then each, then the live database. @internal */
export function reportText(report: ExplainReport, options: StatementTextOptions): string[] {
  return [
    ...summaryTable(report, options),
    '',
    ...wrap(summaryText(report), '', ''),
    ...report.statements.filter(isWorthShowing).flatMap((one) => ['', ...statementText(one, options)]),
    ...(report.live === null ? [] : ['', ...liveText(report.live, options)]),
  ];
}

/** A statement that did nothing has its line in the table. */
function isWorthShowing({ locks, rewrites, scans, findings, error }: ExplainedStatement): boolean {
  return error !== null || [locks, rewrites, scans, findings].some((list) => list.length > 0);
}

/** What it comes to, in one sentence. @internal */
export function summaryText({ summary }: ExplainReport): string {
  const { statements, strongest, longestHeldMs, findings } = summary;
  const held =
    longestHeldMs === 0 ? '' : ` Reads or writes were stopped for ${timeText(longestHeldMs)} at the most.`;
  return `${count(statements, 'statement')}, ${count(findings, 'finding')}; strongest lock: ${strongest ?? 'none'}.${held}`;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

const PLACE = 14;
const LOCK = 22;
const TIME = 7;
const FOUND = 10;
const SQL = COLUMNS - PLACE - LOCK - TIME - FOUND - 8;

function summaryTable({ statements }: ExplainReport, { paint }: StatementTextOptions): string[] {
  const row = (...cells: readonly [string, string, string, string, string]) =>
    [PLACE, SQL, LOCK, TIME, FOUND]
      .map((width, index) => fit(cells[index] ?? '', width))
      .join('  ')
      .trimEnd();
  return [
    paint('bold', row('where', 'statement', 'strongest lock', 'time', 'findings')),
    ...statements.map((one) => {
      const line = row(
        shortPlace(one),
        oneLine(one.sql),
        lockOf(one),
        timeText(one.durationMs),
        foundIn(one),
      );
      return one.error !== null || one.findings.some(({ severity }) => severity === 'danger')
        ? paint('red', line)
        : line;
    }),
  ];
}

/** The end of a path says more than its beginning. */
function shortPlace(statement: ExplainedStatement): string {
  const place = placeOf(statement);
  return place.length <= PLACE ? place : `…${place.slice(1 - PLACE)}`;
}

/** The strongest lock that others can see. @internal */
export function lockOf({ locks }: ExplainedStatement): string {
  return strongestOf(locks.flatMap(({ mode, created }) => (created ? [] : [mode]))) ?? '';
}

function foundIn({ error, findings }: ExplainedStatement): string {
  if (error !== null) return 'failed';
  const dangers = findings.filter(({ severity }) => severity === 'danger').length;
  if (dangers > 0) return `${dangers} danger`;
  return findings.length === 0 ? '' : String(findings.length);
}

function liveText(live: readonly LiveRelation[], { paint }: StatementTextOptions): string[] {
  if (live.length === 0) return ['Live: no relation that is there is locked.'];
  return [
    paint('bold', 'Live'),
    ...[...live]
      .sort((a, b) => Number(isStronger(b.mode, a.mode)) - Number(isStronger(a.mode, b.mode)))
      .flatMap((one) => [
        ...wrap(`${oneLine(one.relation)}: ${figures(one)}`, '  ', '      '),
        ...wrap(`${one.mode} ${oneLine(one.verdict)}`, '    ', '    '),
      ]),
  ];
}

/** Sizes and rates of a relation. @internal */
export function figures({ bytes, rows, scansPerSecond, oldestXactAgeMs }: LiveRelation): string {
  if (bytes === null) return 'not there';
  return [
    sizeText(bytes),
    `about ${(rows ?? 0).toLocaleString('en')} rows`,
    `${scansPerSecond ?? 0} scans a second (on average since statistics were reset)`,
    ...(oldestXactAgeMs === null ? [] : [`oldest transaction ${timeText(oldestXactAgeMs)}`]),
  ].join(', ');
}

function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(bytes, 1)) / 10));
  return `${Number((bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1))} ${units[power] ?? ''}`;
}
