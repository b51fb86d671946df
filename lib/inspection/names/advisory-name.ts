/** Who may have taken an advisory lock that this library did not take. Frozen. @publicApi */
export interface AdvisoryName {
  /** The tool, and what for where that is known: `prisma migrate`, `Rails migrations of "shop"`, `pg_repack on orders`. */
  readonly name: string;
  /** Whether something in the database, or the session's application name, confirms it; else it is one of who may have. */
  readonly certain: boolean;
}
