import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import type { ResolvedHandlersOptions, TrustedCaller } from '../options/handlers-options.js';
import type { Answering } from './exceptions/contention-exception.js';
import { atMost } from '../session/at-most.js';
import { Roster, type Enrolled } from '../session/roster.js';

/** One handler or job that holds, or waits for, something of ours. @internal */
export interface Run extends Enrolled {
  /** What the shutdown waits for: the end of a job. The server waits for its handlers itself. Never rejects. */
  readonly done?: Promise<void>;
  /** Ends what would not end by itself: a wait, an endless stream. What ends by itself is left to do so. */
  end(): void;
}

/** What the registry needs of a database. @internal */
export interface Drainable {
  readonly name: string;
  readonly options: {
    readonly handlers: ResolvedHandlersOptions;
    readonly httpStatus: number | null;
    readonly shutdown: { readonly timeoutMs: number };
  };
  drain(): Promise<void>;
}

/**
 * Everything of one application that runs under our locks, over all its databases.
 *
 * *Open* until `beforeApplicationShutdown`; then *stopping*: databases refuse new locks, streams end, jobs finish.
 *
 * @internal
 */
@Injectable()
export class RunRegistry implements BeforeApplicationShutdown {
  private readonly runs = new Roster<Run>();
  private readonly databases = new Map<string, Drainable>();
  private isStopping = false;

  /** How contention is answered that no enhancer of ours has met: as the first database says. */
  get answering(): Answering {
    const [first] = this.databases.values();
    return { httpStatus: first?.options.httpStatus ?? null, isStopping: this.isStopping };
  }

  /** Callers that run enhancers by themselves, as the application says. */
  get trusted(): readonly TrustedCaller[] {
    return [...this.databases.values()].flatMap(({ options }) => options.handlers.trust);
  }

  /** Whether shutdown has begun: jobs that tick now do nothing. */
  get stopping(): boolean {
    return this.isStopping;
  }

  /** @throws {PgLockConfigurationError} when the application has a database of that name already. */
  addDatabase(database: Drainable): void {
    if (this.databases.has(database.name))
      throw new PgLockConfigurationError(
        `PgLockModule: the database '${database.name}' is configured twice in one application. ` +
          `Import forRoot() once, in the root module, or give the other one a name of its own: forRoot({ name: … }).`,
      );
    this.databases.set(database.name, database);
  }

  add(run: Run): void {
    this.runs.add(run);
  }

  /** A job, for as long as it runs. */
  addJob(running: Promise<unknown>): void {
    const run = { place: 0, done: running.then(ignore, ignore), end: ignore };
    this.add(run);
    void run.done.then(() => this.delete(run));
  }

  /** Nothing is held for it any more. */
  delete(run: Run): void {
    this.runs.delete(run);
  }

  /** Refuses new work, ends streams, and waits until every job has finished under its lock, or the time for that is over. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    const drained = [...this.databases.values()].map((database) => database.drain());
    const runs = [...this.runs];
    for (const run of runs) run.end();
    const timeouts = [...this.databases.values()].map(({ options }) => options.shutdown.timeoutMs);
    await atMost(Math.max(0, ...timeouts), Promise.all([...drained, ...runs.map(({ done }) => done)]));
  }
}

function ignore(): void {}
