import type { Statement } from './statement.js';

/** How a value travels: as text, and as `refcursor`, a text for which no parser is registered. @internal */
export type AnswerForm = 'text' | 'text and refcursor';

const VALUE = /pglock:((?:[0-9a-f]{2})*):/i;
const QUERY = /^\s*(?:\/\*[^*]*\*\/\s*)*(?:SELECT|WITH)\b/i;
const SHOW = /^\s*(?:\/\*[^*]*\*\/\s*)*SHOW\b/i;
const DEEPEST = 6;

/** Whether a statement is a query, which may stand within {@link encodedAnswer} and takes a snapshot. @internal */
export function isQuery(text: string): boolean {
  return QUERY.test(text);
}

/** Whether a statement answers with rows. @internal */
export function answersRows(text: string): boolean {
  return QUERY.test(text) || SHOW.test(text);
}

/**
 * The same query, whose rows come back as one text that says what it is: JSON in hexadecimal digits between two marks. It
 * survives type parsers, array rows, renamed columns and changed letter case, and is found wherever a hook has put it.
 *
 * @see https://www.postgresql.org/docs/current/functions-json.html
 * @internal
 */
export function encodedAnswer({ text, values }: Statement, form: AnswerForm = 'text'): Statement {
  const tag = /^(?:\/\*[^*]*\*\/\s*)+/.exec(text)?.[0] ?? '';
  const columns = form === 'text' ? 'pglock' : 'pglock, pglock::pg_catalog.refcursor AS pglock2';
  return {
    text: `${tag}SELECT ${columns} FROM (SELECT 'pglock:' OPERATOR(pg_catalog.||) pg_catalog.encode(pg_catalog.convert_to(
 coalesce(pg_catalog.json_agg(answer), '[]')::pg_catalog.text, 'UTF8'), 'hex') OPERATOR(pg_catalog.||) ':' AS pglock
 FROM (${text.slice(tag.length)}) AS answer) AS encoded`,
    ...(values === undefined ? {} : { values }),
  };
}

/** The rows of {@link encodedAnswer}, wherever they are in what a client made of them; undefined where they are not. @internal */
export function decodedAnswer(answer: unknown): readonly object[] | undefined {
  const hex = foundIn(answer, VALUE);
  if (hex === undefined) return undefined;
  try {
    const rows: unknown = JSON.parse(Buffer.from(hex, 'hex').toString('utf8'));
    return Array.isArray(rows) ? (rows as object[]) : undefined;
  } catch {
    return undefined;
  }
}

/** What a pattern catches in the first text in which it is found, wherever in an answer. @internal */
export function foundIn(answer: unknown, pattern: RegExp): string | undefined {
  return find(answer, pattern, DEEPEST, new Set());
}

function find(value: unknown, pattern: RegExp, depth: number, seen: Set<object>): string | undefined {
  if (typeof value === 'string') return pattern.exec(value)?.[1];
  if (value instanceof String) return pattern.exec(value.toString())?.[1];
  if (typeof value !== 'object' || value === null || depth === 0 || seen.has(value)) return undefined;
  seen.add(value);
  if (value instanceof Uint8Array) return pattern.exec(Buffer.from(value).toString('utf8'))?.[1];
  for (const part of partsOf(value)) {
    const found = find(part, pattern, depth - 1, seen);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Rows first: the rest of a result is large, and never holds the value. */
function* partsOf(value: object): Iterable<unknown> {
  if (value instanceof Map || value instanceof Set) {
    yield* value.values();
    return;
  }
  if (Array.isArray(value)) yield* value;
  if ('rows' in value) yield value.rows;
  for (const key of Reflect.ownKeys(value)) {
    const { enumerable } = Object.getOwnPropertyDescriptor(value, key) ?? {};
    if (enumerable && key !== 'rows') yield (value as Record<PropertyKey, unknown>)[key];
  }
}
