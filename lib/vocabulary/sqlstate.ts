/**
 * The SQLSTATEs that the library tells apart.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 * @internal
 */
export const SQLSTATE = {
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  deadlockDetected: '40P01',
  insufficientPrivilege: '42501',
  undefinedTable: '42P01',
  invalidSchemaName: '3F000',
  /** The encoding of the database has no such character. */
  untranslatableCharacter: '22P05',
  wrongObjectType: '42809',
  noActiveSqlTransaction: '25P01',
  inFailedSqlTransaction: '25P02',
  outOfMemory: '53200',
  invalidStatementName: '26000',
  undefinedObject: '42704',
  tooManyConnections: '53300',
  adminShutdown: '57P01',
  idleSessionTimeout: '57P05',
} as const;

/** Of `operator_intervention`, all but a cancelled statement. */
const ENDS_SESSION = /^57P0[1-5]$/;

/** Whether an error says that the server ends the session: it says so before it frees the locks and closes. @internal */
export function endsSession(error: unknown): boolean {
  return ENDS_SESSION.test(sqlStateOf(error) ?? '');
}

/** Whether an error says that the statement was cancelled. @internal */
export function isCancelled(error: unknown): boolean {
  return sqlStateOf(error) === SQLSTATE.queryCanceled;
}

/** Whether an error says that the server does not know the prepared statement. @internal */
export function isUnprepared(error: unknown): boolean {
  return sqlStateOf(error) === SQLSTATE.invalidStatementName;
}

/** Whether a statement that failed so may be sent again as it is: it was not at fault. @internal */
export function isRepeatable(error: unknown): boolean {
  return isCancelled(error) || isUnprepared(error);
}

/** Whether an error is the answer to a statement that did nothing else: it was cancelled, unknown, or waited for too long. @internal */
export function isAnswer(error: unknown): boolean {
  return isRepeatable(error) || sqlStateOf(error) === SQLSTATE.lockNotAvailable;
}

/** The SQLSTATE that an error carries, if it carries one. @internal */
export function sqlStateOf(error: unknown): string | undefined {
  const code: unknown =
    typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
