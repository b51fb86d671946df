import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { PgLockCore } from '../core/pg-lock-core.js';
import { startTelemetry } from '../telemetry/telemetry.js';
import { logEvents } from './event-log.js';

/** The core of the database that a module instance is for; not exported. @internal */
export const DATABASE_CORE = 'PG_LOCK_CORE';

/** Closes one database with its application, and tells Nest's log, and telemetry, what happens to it. @internal */
@Injectable()
export class DatabaseLifecycle implements OnModuleInit, OnApplicationShutdown {
  private stopTelemetry: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  constructor(@Inject(DATABASE_CORE) private readonly core: PgLockCore) {
    logEvents(core.events, new Logger('PgLock'), core.name);
  }

  async onModuleInit(): Promise<void> {
    const { options, source, advisory } = this.core;
    if (options.telemetry === undefined) return;
    this.stopTelemetry = await startTelemetry({ source, status: () => advisory.status() }, options.telemetry);
  }

  /** Releases what is still held, and closes the connections that the module opened. Once: Nest 11 calls for each `close()`. */
  async onApplicationShutdown(): Promise<void> {
    await (this.closing ??= this.core.close());
    this.stopTelemetry?.();
  }
}
