/** Where the clients hide the error of the driver. */
const HIDING_PLACES = [
  'cause',
  'driverError',
  'original',
  'parent',
  'originalError',
  'meta',
  'driverAdapterError',
  'context', // what an emitter without a listener throws, where the error is of another realm: Slonik under Jest
] as const;
const DEEPEST = 8;

/**
 * The SQLSTATE of an error as any of the clients throws it, wherever it hides it: TypeORM in `driverError`, Sequelize in
 * `original`, Drizzle in `cause`, Prisma in `meta.driverAdapterError.cause.originalCode`.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 * @internal
 */
export function sqlStateWithin(error: unknown, depth = 0): string | undefined {
  if (typeof error !== 'object' || error === null || depth > DEEPEST) return undefined;
  const fields = error as Readonly<Record<string, unknown>>;
  const here = [fields['originalCode'], fields['code']].find(isSqlState);
  if (here !== undefined) return here;
  for (const place of HIDING_PLACES) {
    const found = sqlStateWithin(fields[place], depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Five characters with a digit among them: `EPIPE` is of the system, `P2010` of Prisma. */
function isSqlState(code: unknown): code is string {
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code) && !/^P[1-9]\d{3}$/.test(code);
}
