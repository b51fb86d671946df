import type { LockId } from '../../vocabulary/lock-id.js';
import { spanText } from '../../vocabulary/span-text.js';

/** The value at a path of a model, such as `activity.duration`. @internal */
export function valueAt(row: object, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | null)?.[name] ?? null, row);
}

/** A value as a listing shows it; nothing for null. @internal */
export function valueText(value: unknown, path: string): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'number') return /duration$/i.test(path) ? spanText(value) : String(value);
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'string') return value;
  return path === 'advisoryKey' ? keyText(value as Record<string, number>) : objectText(value);
}

/** An id as it is typed: `--id`. @internal */
export function idText(id: LockId): string {
  return typeof id === 'object' ? id.join(',') : String(id);
}

function keyText({ classId, objId, objSubId }: Record<string, number>): string {
  return [classId, objId, objSubId].join(':');
}

function objectText(value: object): string {
  if (Array.isArray(value)) return value.join(',');
  return Object.entries(value)
    .map(([key, part]) => `${key}=${typeof part === 'string' ? part : JSON.stringify(part)}`)
    .join(' ');
}

/** A statement on one line, and without anything that would steer a terminal. @internal */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replace(CONTROL, '').trim();
}

/** Everything below a blank, DEL and the second set of controls: what clients name themselves is not ours. */

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Several lines, without anything that would steer a terminal. @internal */
export function safeLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.replaceAll('\t', '    ').replace(CONTROL, ''));
}
