import { Inject, type InjectionToken } from '@nestjs/common';
import { DEFAULT_DATABASE_NAME } from './options/pg-lock-options.js';
import { PgLockService } from './pg-lock.service.js';

/**
 * The injection token of a database's service: `PgLockService` itself for the default one. For tests and factories;
 * constructors use {@link InjectPgLock}.
 *
 * @publicApi
 */
export function getPgLockToken(name: string = DEFAULT_DATABASE_NAME): InjectionToken {
  return name === DEFAULT_DATABASE_NAME ? PgLockService : `PG_LOCK_SERVICE_${name}`;
}

/**
 * The injection token of a database's pool, whose sessions follow `pglock.timeout`. For factories, such as those of
 * ORM modules; constructors use {@link InjectPgLockPool}.
 *
 * @publicApi
 */
export function getPgLockPoolToken(name: string = DEFAULT_DATABASE_NAME): InjectionToken {
  return `PG_LOCK_POOL_${name}`;
}

/**
 * Injects the pool of a database: the module's own or the lent one. Calling its `end()` has no effect.
 *
 * @example constructor(@InjectPgLockPool() private readonly pool: Pool) {}
 * @publicApi
 */
export function InjectPgLockPool(
  name: string = DEFAULT_DATABASE_NAME,
): PropertyDecorator & ParameterDecorator {
  return Inject(getPgLockPoolToken(name));
}

/**
 * Injects the service of the database with this `name` in `PgLockModule.forRoot({ name })`.
 *
 * @example constructor(@InjectPgLock('reporting') private readonly pglock: PgLockService) {}
 * @publicApi
 */
export function InjectPgLock(name: string = DEFAULT_DATABASE_NAME): PropertyDecorator & ParameterDecorator {
  return Inject(getPgLockToken(name));
}
