import type { Column } from './column.js';
import type { Style } from './paint.js';
import { valueAt, valueText } from './value.js';
import { oneLine } from '../../vocabulary/one-line.js';

/** The column of an attribute, under its own path: what `-a` asks for. @internal */
export function attributeColumn(path: string): Column {
  return {
    title: path,
    text: (row) => oneLine(valueText(valueAt(row, path), path)),
    least: 8,
    style: (row) => styleOf(row, path),
  };
}

function styleOf(row: object, path: string): Style | undefined {
  if (path === 'granted') return valueAt(row, path) === true ? 'green' : 'red';
  if (path.endsWith('query') || path.endsWith('context')) return 'dim';
  return path.endsWith('Id') ? 'cyan' : undefined;
}
