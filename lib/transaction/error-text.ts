const HIDING_PLACES = ['cause', 'driverError', 'original', 'parent', 'meta', 'driverAdapterError'] as const;
const DEEPEST = 8;
const DENIED = /permission denied for (?:table|view|relation|materialized view) "?(.+?)"?$/m;

/** The message of an error, with PostgreSQL's detail, wherever a client has put that. @internal */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const detail = detailWithin(error, 0);
  return detail === undefined || message.includes(detail) ? message : `${message} (${detail})`;
}

/** The relation that a role may not use, as PostgreSQL's message names it. @internal */
export function deniedRelation(error: unknown): string | undefined {
  return DENIED.exec(errorText(error))?.[1];
}

function detailWithin(error: unknown, depth: number): string | undefined {
  if (typeof error !== 'object' || error === null || depth > DEEPEST) return undefined;
  const fields = error as Readonly<Record<string, unknown>>;
  if (typeof fields['detail'] === 'string') return fields['detail'];
  for (const place of HIDING_PLACES) {
    const found = detailWithin(fields[place], depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
