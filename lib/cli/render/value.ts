import { namesText } from '../../inspection/lock-text.js';
import type { AdvisoryName } from '../../inspection/names/advisory-name.js';
import type { AdvisoryKey } from '../../vocabulary/lock-id.js';
import { keyText } from '../../vocabulary/lock-key-text.js';
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
  if (path === 'advisoryNames') return namesText(value as readonly AdvisoryName[]);
  return path === 'advisoryKey' ? keyText(value as AdvisoryKey) : objectText(value);
}

function objectText(value: object): string {
  if (Array.isArray(value)) return value.join(',');
  return Object.entries(value)
    .map(([key, part]) => `${key}=${typeof part === 'string' ? part : JSON.stringify(part)}`)
    .join(' ');
}
