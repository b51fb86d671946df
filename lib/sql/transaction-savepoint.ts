import type { Statement } from './statement.js';

/** The three statements of one savepoint. @internal */
export interface SavepointStatements {
  readonly open: Statement;
  readonly rollBackTo: Statement;
  readonly release: Statement;
}

/**
 * A savepoint whose name no user and no ORM gives to theirs.
 *
 * @see https://www.postgresql.org/docs/current/sql-savepoint.html
 * @internal
 */
export function savepoint(number: number): SavepointStatements {
  const name = `"nestjs-pglock ${number}"`;
  return {
    open: { text: `SAVEPOINT ${name}` },
    rollBackTo: { text: `ROLLBACK TO SAVEPOINT ${name}` },
    release: { text: `RELEASE SAVEPOINT ${name}` },
  };
}
