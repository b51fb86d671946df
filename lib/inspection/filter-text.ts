import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { AttributeKind, AttributeTable } from '../sql/inspection-attributes.js';
import type { Predicate } from '../sql/inspection-predicate.js';
import { keyOfText, lockIdOf } from '../vocabulary/lock-key-text.js';
import { printable } from '../vocabulary/printable.js';
import { predicatesOf } from './where.js';

const FORM = /^\s*([A-Za-z_.]+?)\s*(>=|<=|!=|!~|=|>|<|~)\s*(.*?)\s*$/s;

const OPERATORS: Readonly<Record<string, string>> = {
  '>': 'gt',
  '>=': 'gte',
  '<': 'lt',
  '<=': 'lte',
  '~': 'like',
};

/** django's spelling of a comparison: `activity__duration__gte=5s`. */
const DJANGO: Readonly<Record<string, string>> = { gt: '>', gte: '>=', lt: '<', lte: '<=', like: '~' };

/**
 * Reads a filter as it is typed in a terminal: `activity.duration>=5s`, `granted=false`, `relName~user%`,
 * `activity.state!=idle`, `waitStart=null`. The operators are `=`, `!=`, `>`, `>=`, `<`, `<=`, `~` (LIKE), `!~`.
 *
 * @throws {PgLockUsageError} when it has another form, or names what does not exist.
 * @internal
 */
export function filterPredicates(text: string, table: AttributeTable, namespace = ''): readonly Predicate[] {
  const [, left = '', operator = '', right = ''] = (typeof text === 'string' ? FORM.exec(text) : null) ?? [];
  if (operator === '')
    throw new PgLockUsageError(
      `A filter must be ATTRIBUTE, one of = != > >= < <= ~ !~, and a value, such as 'activity.duration>=5s'; got ${printable(text)}.`,
    );
  const [path, meant] = operator === '=' ? fromDjango(left) : [left, operator];
  const value = path === 'advisoryId' ? idOf(right) : valueOf(right, table[path]);
  return predicatesOf(nested(path, conditionOf(meant, value)), table, namespace);
}

function fromDjango(left: string): readonly [path: string, operator: string] {
  const parts = left.split('__');
  const operator = parts.length > 1 ? DJANGO[parts.at(-1) ?? ''] : undefined;
  return operator === undefined ? [parts.join('.'), '='] : [parts.slice(0, -1).join('.'), operator];
}

function conditionOf(operator: string, value: unknown): unknown {
  if (operator.startsWith('!')) return { not: conditionOf(operator.slice(1) || '=', value) };
  return operator === '=' ? value : { [OPERATORS[operator] as string]: value };
}

function valueOf(text: string, kind: AttributeKind | undefined): unknown {
  if (text === 'null') return null;
  if (kind === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  const isFigure = /^-?\d+(\.\d+)?$/.test(text);
  if ((kind === 'integer' || kind === 'duration') && isFigure) return Number(text);
  return kind === 'key' ? (keyOfText(text) ?? text) : text;
}

function idOf(text: string): unknown {
  return text === 'null' ? null : lockIdOf(text);
}

function nested(path: string, value: unknown): unknown {
  return path
    .split('.')
    .toReversed()
    .reduce<unknown>((inner, name) => ({ [name]: inner }), value);
}
