import type { PgLockCore } from '../core/pg-lock-core.js';
import type { WatchedDatabase } from './watched-database.js';

/** A database of the application, as the dashboard looks at it. @internal */
export function watchedDatabase({ name, admin, source, service }: PgLockCore): WatchedDatabase {
  const { observer, locks, blocked } = admin;
  return { name, observer, locks, blocked, instance: source.instance, jobs: service.jobs };
}
