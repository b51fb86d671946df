import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { Roster } from '../session/roster.js';

/** One handler or job that holds, or waits for, something of ours. @internal */
export interface Run {
  /** A job is waited for at shutdown; the server waits for its handlers itself. */
  readonly kind: 'job' | 'handler';
  /** Resolves when nothing is held any more. Never rejects. */
  readonly done: Promise<void>;
  /** Ends what would not end by itself: a wait, an endless stream. What ends by itself is left to do so. */
  end(): void;
}

/** What the registry needs of a database. @internal */
export interface Drainable {
  readonly name: string;
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
  private readonly runs = new Roster<{ readonly run: Run; place: number }>();
  private readonly databases = new Map<string, Drainable>();
  private isStopping = false;

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
    const entry = { run, place: 0 };
    this.runs.add(entry);
    void run.done.then(() => this.runs.delete(entry));
  }

  /** Refuses new work, ends streams, and waits until every job has finished under its lock. */
  async beforeApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    const drained = [...this.databases.values()].map((database) => database.drain());
    const runs = Array.from(this.runs, ({ run }) => run);
    for (const run of runs) run.end();
    const jobs = runs.filter((run) => run.kind === 'job').map((run) => run.done);
    await Promise.all([...drained, ...jobs]);
  }
}
