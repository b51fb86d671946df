import { Injectable, type InjectionToken } from '@nestjs/common';
import type { AdvisoryLocks } from '../../locks/advisory-locks.js';
import { DEFAULT_DATABASE_NAME } from '../../options/pg-lock-options.js';
import type { LockStatus } from '../../telemetry/lock-status.js';
import { durationMs, type Duration } from '../../vocabulary/duration.js';

/** Options of the health check. @publicApi */
export interface PgLockHealthOptions {
  /** Down if the server does not answer within this time. @default '2s' */
  readonly timeout?: Duration;
  /** Down if this share of the lock budget is held, above 0 and at most 1. @default 1: down when no further lock can be acquired */
  readonly budgetShare?: number;
}

/** The result of a health check in the format of `@nestjs/terminus`: the key, `up` or `down`, and details. @publicApi */
export type PgLockHealthResult<Key extends string = string> = Record<
  Key,
  {
    /** Whether locks can be acquired. */
    readonly status: 'up' | 'down';
    /** How long the server took to answer, in milliseconds; left out when it did not. */
    readonly latencyMs?: number;
    /** Why it is down. */
    readonly message?: string;
  } & LockStatus
>;

/**
 * Tells `@nestjs/terminus` (11 and later) whether locks can be acquired: the server answers, on the session that holds the locks
 * of this process, and there is budget left for more. Can be injected wherever the service can; it needs no package.
 *
 * Use it for readiness, not for liveness: killing a replica because the database does not answer would also end its work.
 *
 * @example this.health.check([() => this.pglock.check('locks')])
 * @see https://docs.nestjs.com/recipes/terminus
 * @publicApi
 */
@Injectable()
export class PgLockHealthIndicator {
  readonly #locks: Pick<AdvisoryLocks, 'ping' | 'status'>;

  /** @internal */
  constructor(locks: Pick<AdvisoryLocks, 'ping' | 'status'>) {
    this.#locks = locks;
  }

  /**
   * Queries the server on the lock session, which is opened if there is none. Never rejects because a server is down, and never takes
   * longer than `timeout`.
   *
   * Sends an empty `SELECT`.
   *
   * @param key the name of the result.
   * @throws {PgLockUsageError} when an option is not allowed.
   */
  async check<Key extends string = 'pglock'>(
    key: Key = 'pglock' as Key,
    { timeout = '2s', budgetShare = 1 }: PgLockHealthOptions = {},
  ): Promise<PgLockHealthResult<Key>> {
    const timeoutMs = durationMs(timeout);
    const startedAt = performance.now();
    const failure = await this.#failure(timeoutMs);
    const latencyMs = Math.round(performance.now() - startedAt);
    const figures = this.#locks.status();
    const message = failure ?? fullness(figures, budgetShare);
    const known = {
      ...(failure === undefined ? { latencyMs } : {}),
      ...(message === undefined ? {} : { message }),
    };
    const result = { status: message === undefined ? 'up' : 'down', ...known, ...figures } as const;
    return { [key]: result } as PgLockHealthResult<Key>;
  }

  /** Why the server did not answer in time, if it did not. */
  async #failure(timeoutMs: number): Promise<string | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve(`The server did not answer within ${timeoutMs} ms.`), timeoutMs);
    });
    const answered = this.#locks.ping().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    try {
      return await Promise.race([answered, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The injection token of a database's {@link PgLockHealthIndicator}: the class itself for the default one. @publicApi */
export function getPgLockHealthToken(name: string = DEFAULT_DATABASE_NAME): InjectionToken {
  return name === DEFAULT_DATABASE_NAME ? PgLockHealthIndicator : `PG_LOCK_HEALTH_${name}`;
}

function fullness({ held, budget }: LockStatus, share: number): string | undefined {
  if (budget === null || held < budget * share) return undefined;
  return `${held} locks are held, of the ${budget} that this process may hold.`;
}
