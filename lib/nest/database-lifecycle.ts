import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { PgLockCore } from '../pg-lock.core.js';
import { logEvents } from './event-log.js';

/** The core of the database that a module instance is for; not exported. @internal */
export const DATABASE_CORE = 'PG_LOCK_CORE';

/** Closes one database with its application, and writes what happens to it into Nest's log. @internal */
@Injectable()
export class DatabaseLifecycle implements OnApplicationShutdown {
  private closing: Promise<void> | undefined;

  constructor(@Inject(DATABASE_CORE) private readonly core: PgLockCore) {
    logEvents(core.events, new Logger('PgLock'), core.name);
  }

  /** Releases what is still held, and closes the connections that the module opened. Once: Nest 11 calls for each `close()`. */
  async onApplicationShutdown(): Promise<void> {
    await (this.closing ??= this.core.close());
  }
}
