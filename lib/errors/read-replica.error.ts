import { PgLockError } from './pg-lock.error.js';

/**
 * The server is a read replica (a hot standby): a lock that is taken there excludes no session of the primary. A load balancer may
 * send only this one session or transaction there.
 *
 * @see https://www.postgresql.org/docs/current/hot-standby.html
 * @publicApi
 */
export class ReadReplicaError extends PgLockError {
  readonly code = 'PGLOCK_READ_REPLICA';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
