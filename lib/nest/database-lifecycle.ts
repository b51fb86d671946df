import {
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
  type OnModuleInit,
} from '@nestjs/common';
import type { LockDatabase } from '../core/lock-database.js';
import { startTelemetry } from '../telemetry/telemetry.js';
import { logEvents } from './event-log.js';
import { logJobs } from './job-log.js';
import { SchedulerTimers } from './scheduler-timers.js';

/** The core of the database that a module instance is for; not exported. @internal */
export const DATABASE_CORE = 'PG_LOCK_CORE';

/** Closes one database with its application, and tells Nest's log, and telemetry, what happens to it. @internal */
@Injectable()
export class DatabaseLifecycle implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private stopTelemetry: (() => void) | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    @Inject(DATABASE_CORE) private readonly core: LockDatabase,
    private readonly timers: SchedulerTimers,
  ) {
    logEvents(core.events, new Logger('PgLock'), core.name);
  }

  /** Before the scheduler begins: without its ledger no job may run. */
  async onModuleInit(): Promise<void> {
    await this.core.jobs.checkLedger();
    const { options, source, advisory } = this.core;
    if (options.telemetry === undefined) return;
    this.stopTelemetry = await startTelemetry({ source, status: () => advisory.status() }, options.telemetry);
  }

  /** The scheduler's timers are armed in this hook; ours go beside them. */
  async onApplicationBootstrap(): Promise<void> {
    const { jobs } = this.core;
    jobs.registry = () => this.timers.cronJobs();
    jobs.onError = (error) => new Logger('Scheduler').error(error);
    logJobs(jobs, new Logger('PgLock'), this.core);
    jobs.start();
    // Loaded here, since it needs `pg`, which the testing kit does without.
    const { bootLine } = await import('./boot-line.js').catch(() => ({ bootLine: undefined }));
    if (bootLine !== undefined) new Logger('PgLock').log(bootLine(this.core));
  }

  /** Releases what is still held, and closes the connections that the module opened. Once: Nest 11 calls for each `close()`. */
  async onApplicationShutdown(): Promise<void> {
    await (this.closing ??= this.core.close());
    this.stopTelemetry?.();
  }
}
