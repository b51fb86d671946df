import { serverTimeoutMs } from '../vocabulary/duration.js';
import type { Statement } from './statement.js';

/** The isolation levels that PostgreSQL tells apart, spelled as in SQL. @publicApi */
export const ISOLATION_LEVELS = Object.freeze(['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const);

/** One of PostgreSQL's isolation levels. @publicApi */
export type IsolationLevel = (typeof ISOLATION_LEVELS)[number];

/** What a transaction begins with. @internal */
export interface BeginOptions {
  readonly isolation?: IsolationLevel | undefined;
  readonly readOnly?: boolean | undefined;
  /** The `lock_timeout` within the transaction; left out, the session's own. */
  readonly lockTimeoutMs?: number | null;
}

/** Begins. @see https://www.postgresql.org/docs/current/sql-begin.html @internal */
export function begin({ isolation, readOnly }: BeginOptions): Statement {
  const level = isolation === undefined ? '' : ` ISOLATION LEVEL ${isolation}`;
  return { text: `BEGIN${level}${readOnly ? ' READ ONLY' : ''}` };
}

/**
 * Begins, and sets `lock_timeout` for the transaction: statements of their own, which may travel in one write. In one text
 * they would be another thing to poolers that tell statements apart.
 *
 * @see https://www.postgresql.org/docs/current/sql-set.html
 * @internal
 */
export function beginning(options: BeginOptions): readonly Statement[] {
  const { lockTimeoutMs } = options;
  const opening = begin(options);
  if (lockTimeoutMs === undefined) return [opening];
  return [opening, { text: `SET LOCAL lock_timeout = ${serverTimeoutMs(lockTimeoutMs)}` }];
}

/** @see https://www.postgresql.org/docs/current/sql-commit.html @internal */
export const COMMIT: Statement = { text: 'COMMIT' };

/** @see https://www.postgresql.org/docs/current/sql-rollback.html @internal */
export const ROLLBACK: Statement = { text: 'ROLLBACK' };
