import { PgLockError } from './pg-lock.error.js';

/**
 * The server speaks PostgreSQL's protocol and does not keep session-level advisory locks apart: PGlite, CockroachDB,
 * YugabyteDB, Amazon Redshift, Aurora DSQL and others.
 *
 * @publicApi
 */
export class ServerNotSupportedError extends PgLockError {
  readonly code = 'PGLOCK_SERVER';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
