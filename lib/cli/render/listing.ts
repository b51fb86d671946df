import { fit, textWidth } from './width.js';
import type { Paint, Style } from './paint.js';
import { oneLine, safeLines, valueAt, valueText } from './value.js';

/** How a listing is drawn. @internal */
export interface ListingOptions {
  readonly attributes: readonly string[];
  readonly paint: Paint;
  /** The columns of the terminal; undefined means as wide as it gets. */
  readonly columns: number | undefined;
}

const GAP = '  ';
/** A column is not squeezed below this for the sake of others. */
const NARROWEST = 8;

/**
 * One line a row, under a line of titles, in aligned columns. On a terminal the widest columns give way until a line fits.
 *
 * @internal
 */
export function table(rows: readonly object[], { attributes, paint, columns }: ListingOptions): string[] {
  const cells = rows.map((row) => attributes.map((path) => oneLine(valueText(valueAt(row, path), path))));
  const widths = attributes.map((path, index) =>
    Math.max(textWidth(path), ...cells.map((line) => textWidth(line[index] ?? ''))),
  );
  const fitted = columns === undefined ? widths : squeezed(widths, columns);
  const title = attributes.map((path, index) => fit(path, fitted[index] ?? 0)).join(GAP);
  const body = cells.map((line, at) =>
    line
      .map((cell, index) =>
        styled(paint, rows[at] as object, attributes[index] ?? '', fit(cell, fitted[index] ?? 0)),
      )
      .join(GAP)
      .trimEnd(),
  );
  return [paint('bold', title.trimEnd()), ...body];
}

/** One line an attribute, statements as they were written. @internal */
export function expanded(
  rows: readonly object[],
  { attributes, paint, columns = 80 }: ListingOptions,
): string[] {
  return rows.flatMap((row) => [
    paint('dim', '─'.repeat(columns)),
    ...attributes.flatMap((path) => {
      const [first = '', ...others] = safeLines(dedented(valueText(valueAt(row, path), path)));
      return [`${paint('bold', path)}: ${first}`, ...others.map((line) => `    ${line}`)];
    }),
  ]);
}

/** The widest give way first, evenly. */
function squeezed(widths: readonly number[], columns: number): number[] {
  const fitted = [...widths];
  let over = fitted.reduce((sum, width) => sum + width, 0) + GAP.length * (fitted.length - 1) - columns;
  while (over > 0) {
    const widest = Math.max(...fitted);
    if (widest <= NARROWEST) break;
    fitted[fitted.lastIndexOf(widest)] = widest - 1;
    over -= 1;
  }
  return fitted;
}

function styled(paint: Paint, row: object, path: string, text: string): string {
  const style = styleOf(row, path);
  return style === undefined ? text : paint(style, text);
}

function styleOf(row: object, path: string): Style | undefined {
  if (path === 'granted') return valueAt(row, path) === true ? 'green' : 'red';
  if (path.endsWith('query') || path.endsWith('context')) return 'dim';
  return path.endsWith('Id') ? 'cyan' : undefined;
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
