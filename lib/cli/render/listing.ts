import type { Column, ListedLock, StatementColumn } from './column.js';
import type { Paint } from './paint.js';
import { squeezed } from './squeeze.js';
import { valueAt, valueText } from './value.js';
import { safeLines } from '../../vocabulary/one-line.js';
import { cut, fit, textWidth } from './width.js';

/** How a listing is drawn. @internal */
export interface ListingOptions {
  readonly columns: readonly Column[];
  readonly statements?: readonly StatementColumn[];
  readonly paint: Paint;
  /** The columns of the terminal; undefined means as wide as it gets. */
  readonly width: number | undefined;
}

const GAP = '  ';

/** A listing, the lines of each row together. @internal */
export interface Listing {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

/**
 * One line a row, in aligned columns. On a terminal no line is wider than it is: statements that find no room beside the
 * columns stand below, one for each session, and the widest columns give way.
 *
 * @internal
 */
export function table(rows: readonly object[], options: ListingOptions): string[] {
  const { title, rows: lines } = listing(rows, options);
  return [title, ...lines.flat()];
}

/** The same, row by row, for a screen that chooses among them. @internal */
export function listing(given: readonly object[], options: ListingOptions): Listing {
  const rows = given as readonly ListedLock[];
  const { columns, statements = [], width, paint } = options;
  const beside = width === undefined || hasRoom(rows, columns, statements, width);
  const shown = beside ? [...columns, ...statements] : columns;
  const cells = rows.map((row) => shown.map(({ text }) => text(row)));
  const widths = fitted(shown, cells, width);
  const gap = width !== undefined && sum(widths) + GAP.length * (widths.length - 1) > width ? ' ' : GAP;
  const line = (texts: readonly string[], look: (index: number, text: string) => string) =>
    texts.map((text, index) => look(index, fit(text, widths[index] ?? 0))).join(gap);
  const title = line(
    shown.map((column) => column.title),
    (_, text) => text,
  );
  const body = rows.map((row, at) => {
    const look = (index: number, text: string) => styled(paint, shown[index]?.style?.(row), text);
    const first = trimmed(line(cells[at] as readonly string[], look));
    return beside ? [first] : [first, ...below(rows, at, statements, options)];
  });
  return { title: paint('bold', title.trimEnd()), rows: body };
}

/** Statements that are no columns: the last row of a session has its statement below. */
function below(
  rows: readonly ListedLock[],
  at: number,
  statements: readonly StatementColumn[],
  { paint, width = Infinity }: ListingOptions,
): string[] {
  const row = rows[at] as ListedLock;
  const next = rows[at + 1];
  return statements.flatMap((column) => {
    const text = column.text(row);
    const goesOn = next !== undefined && statements.every(({ session }) => session(next) === session(row));
    return text === '' || goesOn ? [] : [paint('dim', cut(`${column.label(row)}${text}`, width))];
  });
}

function hasRoom(
  rows: readonly ListedLock[],
  columns: readonly Column[],
  statements: readonly StatementColumn[],
  width: number,
): boolean {
  const taken = sum(columns.map((column) => naturalWidth(column, rows)));
  const gaps = GAP.length * (columns.length + statements.length - 1);
  const wanted = statements.map((column) => Math.min(column.least, naturalWidth(column, rows)));
  return taken + gaps + sum(wanted) <= width;
}

function naturalWidth({ title, text }: Column, rows: readonly ListedLock[]): number {
  return Math.max(textWidth(title), ...rows.map((row) => textWidth(text(row))));
}

function fitted(shown: readonly Column[], cells: readonly string[][], width: number | undefined): number[] {
  const natural = shown.map(({ title }, index) =>
    Math.max(textWidth(title), ...cells.map((line) => textWidth(line[index] ?? ''))),
  );
  if (width === undefined || sum(natural) + GAP.length * (shown.length - 1) <= width) return natural;
  return squeezed(
    natural,
    shown.map(({ least }) => least),
    width - (shown.length - 1),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function styled(paint: Paint, style: Parameters<Paint>[0] | undefined, text: string): string {
  return style === undefined ? text : paint(style, text);
}

/** Blanks at the end of a line may stand inside of its last colour. */
function trimmed(line: string): string {
  return line.replace(/ +(\u001b\[[0-9;]*m)?$/, '$1');
}

/** Everything that there is about each row, one line an attribute, statements as they were written. @internal */
export function expanded(
  rows: readonly object[],
  {
    attributes,
    paint,
    width = 80,
    all = true,
  }: {
    readonly attributes: readonly string[];
    readonly paint: Paint;
    readonly width?: number | undefined;
    /** Also what has no value. */
    readonly all?: boolean;
  },
): string[] {
  return rows.flatMap((row) => [
    paint('dim', '─'.repeat(width)),
    ...attributes.flatMap((path) => {
      const value = valueText(valueAt(row, path), path);
      if (value === '' && !all) return [];
      const [first = '', ...others] = safeLines(dedented(value));
      return [`${paint('bold', path)}: ${first}`, ...others.map((line) => `    ${line}`)];
    }),
  ]);
}

/** Takes off the blanks that all lines but the first begin with. */
function dedented(text: string): string {
  const lines = text.trim().split('\n');
  const indents = lines
    .slice(1)
    .filter((line) => line.trim() !== '')
    .map((line) => /^\s*/.exec(line)?.[0].length ?? 0);
  const common = indents.length === 0 ? 0 : Math.min(...indents);
  return lines.map((line, index) => (index === 0 ? line : line.slice(common))).join('\n');
}
