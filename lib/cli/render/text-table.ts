import { oneLine } from '../../vocabulary/one-line.js';
import type { Io } from '../io.js';
import { paintFor } from './paint.js';
import { cut, fit, textWidth } from './width.js';

/** A column of a table: its title, and what it says of a row at a moment. @internal */
export type TextColumn<Row> = readonly [title: string, text: (row: Row, now: number) => string];

/** Rows as lines under a head, without the columns in which nothing stands. @internal */
export function textTable<Row>(
  columns: readonly TextColumn<Row>[],
  rows: readonly Row[],
  { stdout, env }: Io,
): string[] {
  const paint = paintFor({ stdout, env });
  const now = Date.now();
  const texts = rows.map((row) => columns.map(([, text]) => oneLine(text(row, now))));
  const shown = columns.map((_, index) => index).filter((index) => texts.some((row) => row[index] !== ''));
  const widths = columns.map(([title], index) =>
    Math.max(textWidth(title), ...texts.map((row) => textWidth(row[index] ?? ''))),
  );
  const line = (row: readonly string[]) => {
    const text = shown.map((index) => fit(row[index] ?? '', widths[index] ?? 0)).join('  ');
    return stdout.isTTY ? cut(text, stdout.columns) : text.trimEnd();
  };
  return [paint('bold', line(columns.map(([title]) => title))), ...texts.map(line)];
}
