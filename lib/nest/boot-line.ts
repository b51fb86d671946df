import type { LockDatabase } from '../core/lock-database.js';
import { connectionPlace } from '../session/connection-place.js';
import type { PgLockConnection } from '../session/session-options.js';

/** What one database of the module is configured to be, on one line, without anything secret. Opens nothing. @internal */
export function bootLine({ name, options, jobs, leaderMethods }: LockDatabase): string {
  const { connection, pool, directConnection, sessions } = options;
  const parts = [
    pool === undefined ? `${placeOf(connection)}, own pool` : `${placeOf(pool.options)}, lent pool`,
    pool === undefined && connection === undefined ? 'no connection given: the PG* variables are used' : '',
    directConnection === undefined ? '' : `locks past the pooler on ${placeOf(directConnection)}`,
    sessions.trustPooler ? 'pooler trusted' : '',
    count(jobs.list().length, 'job'),
    count(leaderMethods, 'leader'),
  ];
  return `Database '${name}': ${parts.filter((part) => part !== '').join(', ')}`;
}

/** A place that `pg` cannot read is told by its first use, not by the log. */
function placeOf(connection: PgLockConnection | undefined): string {
  try {
    const { text, user } = connectionPlace(connection);
    return user === '' ? text : `${text} as ${user}`;
  } catch {
    return 'a connection that cannot be read';
  }
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
