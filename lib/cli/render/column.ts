import type { BlockedPgLock, PgLock } from '../../inspection/pg-lock.js';
import type { Style } from './paint.js';

/** A row of a listing: every column finds in it what it shows. @internal */
export type ListedLock = PgLock & Partial<BlockedPgLock> & { readonly heldSince?: Date | null };

/** A column of a listing. @internal */
export interface Column {
  readonly title: string;
  readonly text: (row: ListedLock) => string;
  /** Narrower only when there is no other way. */
  readonly least: number;
  readonly style?: (row: ListedLock) => Style | undefined;
}

/** Statements are a column where there is room, else lines of their own below the session that runs them. @internal */
export interface StatementColumn extends Column {
  /** What stands before the statement in a line of its own: whose it is. */
  readonly label: (row: ListedLock) => string;
  /** Tells the session: under rows of one session the statement stands once. */
  readonly session: (row: ListedLock) => string;
}
