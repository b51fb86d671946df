const RANGE = /^range\s*\(([^,]+)\)$/i;
const LIST = /^list\s*\((.+)\)$/is;
const FROM_TO = /\bfor\s+values\s+from\s*\(([^,]+)\)\s*to\s*\(([^,]+)\)/is;
const IN = /\bfor\s+values\s+in\s*\((.+)\)/is;

/**
 * The condition that all rows of a partition meet: with a validated CHECK that says so, ATTACH reads nothing.
 *
 * @param key as the server spells it: `RANGE (id)`.
 * @param bounds text with `FOR VALUES …` in it.
 * @returns undefined where it cannot be told from these, such as of several columns.
 * @internal
 */
export function partitionCheck(key: string | undefined, bounds: string): string | undefined {
  const range = RANGE.exec(key ?? '')?.[1];
  const [, from, to] = FROM_TO.exec(bounds) ?? [];
  if (range !== undefined && from !== undefined && to !== undefined)
    return ofRange(range, from.trim(), to.trim());
  const list = LIST.exec(key ?? '')?.[1];
  const values = IN.exec(bounds)?.[1];
  if (list === undefined || values === undefined || /\bnull\b/i.test(values)) return undefined;
  return `${list} IS NOT NULL AND ${list} IN (${values})`;
}

function ofRange(column: string, from: string, to: string): string {
  return [
    `${column} IS NOT NULL`,
    ...(/^minvalue$/i.test(from) ? [] : [`${column} >= ${from}`]),
    ...(/^maxvalue$/i.test(to) ? [] : [`${column} < ${to}`]),
  ].join(' AND ');
}
