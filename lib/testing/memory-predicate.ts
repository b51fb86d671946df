import type { Comparison, Predicate } from '../sql/inspection-predicate.js';

/** One row: values by the paths of attributes, in the form in which questions compare them. @internal */
export type MemoryRow = Readonly<Record<string, string | number | boolean | null>>;

type Value = string | number | boolean;

const COMPARE: Readonly<Record<Comparison, (value: Value, operand: Value) => boolean>> = {
  eq: (value, operand) => value === operand,
  gt: (value, operand) => value > operand,
  gte: (value, operand) => value >= operand,
  lt: (value, operand) => value < operand,
  lte: (value, operand) => value <= operand,
  like: (value, operand) => pattern(String(operand)).test(String(value)),
};

/** Whether a row meets a part of a where, by the rules of SQL: what is null compares with nothing. @internal */
export function meets(row: MemoryRow, predicate: Predicate): boolean {
  if (predicate.op === 'not') return !predicate.of.every((one) => meets(row, one));
  const value = row[predicate.path] ?? null;
  if (predicate.op === 'isNull') return (value === null) === predicate.value;
  if (value === null) return false;
  if (predicate.op === 'in') return predicate.values.includes(value);
  return COMPARE[predicate.op](value, predicate.value as Value);
}

/** `%` is anything, `_` one character, and a backslash takes the next one as it is. */
function pattern(like: string): RegExp {
  const source = like.replaceAll(/\\?[^]/gu, (token) => {
    if (token === '%') return '.*';
    if (token === '_') return '.';
    return token.replace(/^\\(?=.)/su, '').replaceAll(/[\\^$.*+?()[\]{}|/-]/gu, String.raw`\$&`);
  });
  return new RegExp(`^${source}$`, 'su');
}
