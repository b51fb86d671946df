import type pg from 'pg';

/** Every value as no application wants it, whatever its type: as the bytes that came. */
export const RAW_BYTES: pg.CustomTypesConfig = {
  getTypeParser: () => (value: string | Buffer) => Buffer.from(value),
};

/** Parsers that applications do set: booleans as figures, int4 and int8 as bigint, texts trimmed and in upper case. */
export const ODD_PARSERS: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number) => (value: string) => {
    if (oid === 16) return value === 't' ? 1 : 0;
    if (oid === 20 || oid === 23) return BigInt(value);
    if (oid === 25 || oid === 1043) return value.trim().toUpperCase();
    return { oid, value };
  }) as pg.CustomTypesConfig['getTypeParser'],
};

/** As hooks of applications make rows: keys in camel case, `first` row alone, a map, no rows at all around it. */
export function reshaped(answer: unknown): unknown {
  const rows: unknown = (answer as { rows?: unknown } | undefined)?.rows ?? answer;
  if (!Array.isArray(rows)) return rows;
  return rows.map((row: object) =>
    Array.isArray(row)
      ? row
      : new Map(Object.entries(row).map(([key, value]) => [`x${key.toUpperCase()}`, value])),
  );
}
