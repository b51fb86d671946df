import { oneLine } from '../../vocabulary/one-line.js';
import type { Paint } from '../render/paint.js';
import { valueAt, valueText } from '../render/value.js';
import { cut, textWidth } from '../render/width.js';

const GAP = '  ';
/** The same instant as `backendStart`, for programs. */
const OMITTED = 'backendStartText';

/**
 * Every attribute that has a value: those of the lock, then those of each session under its name, as many on a line as find
 * room. A statement has a line of its own.
 *
 * @internal
 */
export function detailLines(
  row: object,
  attributes: readonly string[],
  { paint, columns }: { readonly paint: Paint; readonly columns: number },
): string[] {
  return [...grouped(attributes)].flatMap(([name, paths]) => {
    const entries = paths
      .map(
        (path) => [path.slice(path.indexOf('.') + 1), oneLine(valueText(valueAt(row, path), path))] as const,
      )
      .filter(([, value]) => value !== '');
    if (entries.length === 0) return [];
    const texts = entries.map(([label, value]) => `${label}: ${value}`);
    return [paint('dim', heading(name, columns)), ...flowed(texts, columns)];
  });
}

function grouped(attributes: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>([['lock', []]]);
  for (const path of attributes) {
    if (path.endsWith(OMITTED)) continue;
    const name = path.includes('.') ? path.slice(0, path.indexOf('.')) : 'lock';
    groups.set(name, [...(groups.get(name) ?? []), path]);
  }
  return groups;
}

function heading(name: string, columns: number): string {
  const text = `── ${name} `;
  return cut(text + '─'.repeat(Math.max(0, columns - text.length)), columns);
}

function flowed(texts: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const text of texts) {
    const joined = lines.length === 0 ? text : `${lines.at(-1) ?? ''}${GAP}${text}`;
    const own = text.startsWith('query: ') || lines.at(-1)?.startsWith('query: ');
    if (lines.length > 0 && !own && textWidth(joined) <= columns) lines[lines.length - 1] = joined;
    else lines.push(cut(text, columns));
  }
  return lines;
}
