import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { PgLockCore } from '../pg-lock.core.js';
import type { BlockerSignalledEvent, PgLockEvent } from '../vocabulary/pg-lock-event.js';

/** The core of the database that a module instance is for; not exported. @internal */
export const DATABASE_CORE = 'PG_LOCK_CORE';

/** Closes one database with its application, and writes what happens to it into Nest's log. @internal */
@Injectable()
export class DatabaseLifecycle implements OnApplicationShutdown {
  private readonly logger = new Logger('PgLock');

  constructor(@Inject(DATABASE_CORE) private readonly core: PgLockCore) {
    core.events.on('lockLost', (event) => this.logger.warn(describe(event, core.name)));
    core.events.on('sessionEnded', (event) => this.logger.warn(describe(event, core.name)));
    core.events.on('blockerSignalled', (event) => this.logger.warn(describe(event, core.name)));
    core.events.on('prioritizeFailed', (event) => this.logger.error(describe(event, core.name)));
  }

  private closing: Promise<void> | undefined;

  /** Releases what is still held, and closes the connections that the module opened. Once: Nest 11 calls for each `close()`. */
  async onApplicationShutdown(): Promise<void> {
    await (this.closing ??= this.core.close());
  }
}

function describe(event: PgLockEvent, database: string): string {
  const where = database === 'default' ? '' : ` of database '${database}'`;
  if (event.type === 'lockLost') return `Lost a lock${where}: ${event.error.message}`;
  if (event.type === 'blockerSignalled') return `Prioritized work${where}: ${describeBlocker(event)}`;
  if (event.type === 'prioritizeFailed')
    return `Could not look for blockers of prioritized work${where}: ${event.error.message}`;
  return `A lock session${where} ended, with ${event.locksLost} locks: ${event.error.message}`;
}

/** Says what became of a blocker, and nothing of what its statement had in it. */
function describeBlocker({ pid, action, outcome, reason, ...blocker }: BlockerSignalledEvent): string {
  const who = [blocker.applicationName, blocker.user, blocker.state].filter(Boolean).join(', ');
  const why = reason === null ? '' : `: ${reason}`;
  return `${action} of backend ${pid} (${who}), in the way of ${blocker.activityIds.join(', ')}: ${outcome}${why}`;
}
