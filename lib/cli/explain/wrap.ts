import { textWidth } from '../render/width.js';

/** The width of the report: that of a terminal, of a mail, of a review. @internal */
export const COLUMNS = 80;

/**
 * Breaks a line at blanks, so that none is wider than the report; what has no blank goes on. What is behind `--` stays a
 * comment on the lines that follow.
 *
 * @internal
 */
export function wrap(text: string, first: string, others: string): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  let comment = false;
  for (const word of text.split(' ')) {
    if (!empty && textWidth(line) + 1 + textWidth(word) > COLUMNS) {
      lines.push(line);
      line = `${others}${comment ? '-- ' : ''}`;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
    comment ||= word === '--';
  }
  return [...lines, line];
}
