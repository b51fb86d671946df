import stringWidth from 'string-width';

const SEGMENTS = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** How many columns of a terminal a text takes. @internal */
export function textWidth(text: string): number {
  return stringWidth(text);
}

/** The text in exactly so many columns: cut with an ellipsis, or filled with blanks. @internal */
export function fit(text: string, columns: number): string {
  const width = textWidth(text);
  return width <= columns ? text + ' '.repeat(columns - width) : fit(cut(text, columns), columns);
}

/** The text in at most so many columns. @internal */
export function cut(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns === 0) return '';
  let taken = 0;
  let kept = '';
  for (const { segment } of SEGMENTS.segment(text)) {
    taken += textWidth(segment);
    if (taken > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
