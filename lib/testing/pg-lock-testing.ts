import {
  Inject,
  Injectable,
  type InjectionToken,
  type BeforeApplicationShutdown,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { DATABASE_CORE } from '../nest/database-lifecycle.js';
import { DEFAULT_DATABASE_NAME } from '../options/pg-lock-options.js';
import type { LockIds, PgLockService } from '../pg-lock.service.js';
import type { JobRun } from '../jobs/job-status.js';
import { listOfIds, type LockId } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import { MemoryCore } from './memory-core.js';
import type { MemoryLock, MemoryLockTable } from './memory-lock-table.js';

/** How another session holds a lock. @publicApi */
export interface HoldLockOptions {
  /** Share it with other shared holders. @default false */
  readonly shared?: boolean | undefined;
}

/**
 * A lock of another session, until it is called, released or disposed of: each of these releases it; a second time does nothing.
 *
 * @publicApi
 */
export interface ForeignLock extends Disposable, AsyncDisposable {
  /** Releases the lock; the next waiter gets it. */
  (): void;
  /** Releases the lock; the next waiter gets it. */
  release(): void;
}

/**
 * Provokes in a test what other replicas, and a failing network, do to an application; injectable, from
 * `PgLockTestingModule`. It speaks about one database: the one whose module it comes from.
 *
 * @example const locks = app.get(PgLockTesting)
 * @publicApi
 */
@Injectable()
export class PgLockTesting implements BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly replicas: MemoryCore[] = [];

  /** @internal */
  constructor(@Inject(DATABASE_CORE) private readonly core: MemoryCore) {
    // Nest goes on without the options where they were refused, and then fails the boot.
    if ((core as MemoryCore | null) !== null) open.push(this);
  }

  /** The lock table of this database. Give it to another `PgLockTestingModule.forRoot({ table })` to play two replicas. */
  get table(): MemoryLockTable {
    return this.core.table;
  }

  /**
   * Another session takes the lock, and holds it until the result is called, released or disposed of.
   *
   * @example using _ = locks.holdLock('billing.close')
   * @param id one id, or several; in the namespace of the module.
   * @throws {PgLockUsageError} when the id is none, or when the lock is held already, so that another session could not hold it.
   */
  holdLock(id: LockIds, { shared = false }: HoldLockOptions = {}): ForeignLock {
    const keys = listOfIds(id).map((one) => [one, this.core.names.keyOf(one)] as const);
    const [owner, pid] = [{}, this.table.newPid()];
    const holds: MemoryLock[] = [];
    for (const [one, key] of keys) {
      const hold = this.table.take(key, shared, pid, owner);
      if (hold !== null) holds.push(hold);
      else {
        for (const taken of holds) this.table.free(taken);
        throw new PgLockUsageError(
          `Advisory lock ${printable(one)} is held or awaited already, so that another session cannot hold it now: call holdLock before.`,
        );
      }
    }
    return foreignLock(() => {
      for (const hold of holds) this.table.free(hold);
    });
  }

  /**
   * The application loses the lock, as when its session is terminated: `lock.signal` aborts with a `LockLostError`, and the lock
   * is free. Handles of all services on the table lose it; what `holdLock` took stays.
   *
   * @throws {PgLockUsageError} when no service holds the lock.
   */
  loseLock(id: LockIds): void {
    for (const one of listOfIds(id)) {
      const key = this.core.names.keyOf(one);
      const holds = this.table.holds(key).filter((hold) => hold.listener !== undefined);
      if (holds.length === 0)
        throw new PgLockUsageError(`Advisory lock ${printable(one)} is not held, so that it cannot be lost.`);
      this.table.lose(holds, new Error('The test called loseLock().'));
    }
  }

  /**
   * Another replica of the application: a service of its own on the same table, with this module's options. It is closed with
   * the module.
   */
  replica(): PgLockService {
    const core = new MemoryCore(this.core.options, this.table);
    this.replicas.push(core);
    return core.service;
  }

  /**
   * A tick of a job comes, without waiting for its time: the next one of its expression, or the one given. The job runs through its
   * guards and interceptors, under its lock.
   *
   * @example await locks.tick('InvoicesService.exportAll')
   * @returns its run, also of a job that failed; `undefined` where this application did not run it: another replica on the
   * table has announced the tick, or a guard refused.
   * @throws {PgLockUsageError} when there is no job of this name that has ticks.
   */
  async tick(job: string, scheduledAt?: Date): Promise<JobRun | undefined> {
    return this.jobNamed(job).runTick(scheduledAt?.getTime());
  }

  /**
   * The replica that keeps the lock of a job loses it, as when it dies: another one on the table has it at the next tick.
   *
   * @throws {PgLockUsageError} when there is no such job, or no replica keeps its lock.
   */
  loseHolder(job: string): void {
    for (const id of listOfIds(this.jobNamed(job).definition.ids)) this.loseLock(id);
  }

  private jobNamed(name: string) {
    const job = this.core.jobs.named(name);
    if (job?.definition.hasTicks === true) return job;
    const names = this.core.jobs
      .list()
      .filter(({ definition }) => definition.hasTicks)
      .map(({ definition }) => definition.name);
    throw new PgLockUsageError(
      `There is no job ${printable(name)} with ticks; there ${names.length === 0 ? 'are none' : `are ${names.join(', ')}`}.`,
    );
  }

  /** Whether anybody holds the lock at this moment, the application itself included. */
  isHeld(id: LockId): boolean {
    return this.table.holds(this.core.names.keyOf(id)).length > 0;
  }

  /**
   * Resolves when a request waits for the lock: to release, or to go on, only then, without a pause
   * of guessed length. Who waits behind a holder of the same service stands in no line.
   *
   * @example const closing = service.close(); await locks.untilAwaited('billing.close'); other.release(); await closing
   */
  async untilAwaited(id: LockId): Promise<void> {
    const key = this.core.names.keyOf(id);
    await this.table.until(() => this.table.waiters(key).length > 0);
  }

  /** Refuses what waits on the replicas, before any lock of this application is released. @internal */
  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.replicas.map((core) => core.drain()));
  }

  /** Closes the replicas. @internal */
  async onApplicationShutdown(): Promise<void> {
    if (open.includes(this)) open.splice(open.indexOf(this), 1);
    await Promise.all(this.replicas.splice(0).map((core) => core.close()));
  }
}

/** What {@link holdLock} and {@link loseLock} act on: the last one. */
const open: PgLockTesting[] = [];

/** Where the functions act. @publicApi */
export interface OnTesting {
  /** @default that of the `PgLockTestingModule` that was created last, and is not closed yet */
  readonly testing?: PgLockTesting | undefined;
}

/**
 * {@link PgLockTesting.holdLock} of the testing module that was created last, or of a given one.
 *
 * @example const other = holdLock('billing.close')
 * @throws {PgLockUsageError} when there is no testing module; and as the method does.
 * @publicApi
 */
export function holdLock(
  id: LockIds,
  { testing, ...options }: HoldLockOptions & OnTesting = {},
): ForeignLock {
  return (testing ?? current()).holdLock(id, options);
}

/**
 * {@link PgLockTesting.loseLock} of the testing module that was created last, or of a given one.
 *
 * @throws {PgLockUsageError} when there is no testing module; and as the method does.
 * @publicApi
 */
export function loseLock(id: LockIds, { testing }: OnTesting = {}): void {
  (testing ?? current()).loseLock(id);
}

/**
 * The injection token of a database's {@link PgLockTesting}: the class itself for the default one.
 *
 * @example app.get<PgLockTesting>(getPgLockTestingToken('reporting'))
 * @publicApi
 */
export function getPgLockTestingToken(name: string = DEFAULT_DATABASE_NAME): InjectionToken {
  return name === DEFAULT_DATABASE_NAME ? PgLockTesting : `PG_LOCK_TESTING_${name}`;
}

function current(): PgLockTesting {
  const latest = open.at(-1);
  if (latest !== undefined) return latest;
  throw new PgLockUsageError(
    'There is no testing module: import PgLockTestingModule.forRoot() and compile the module before.',
  );
}

function foreignLock(free: () => void): ForeignLock {
  const letGo = () => free();
  return Object.assign(letGo, {
    release: letGo,
    [Symbol.dispose]: letGo,
    [Symbol.asyncDispose]: () => {
      letGo();
      return Promise.resolve();
    },
  });
}
