import { Inject, type InjectionToken } from '@nestjs/common';
import { DEFAULT_DATABASE_NAME } from './pg-lock.options.js';
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
 * Injects the service of the database that `PgLockModule.forRoot({ name })` called so.
 *
 * @example constructor(@InjectPgLock('reporting') private readonly pglock: PgLockService) {}
 * @publicApi
 */
export function InjectPgLock(name: string = DEFAULT_DATABASE_NAME): PropertyDecorator & ParameterDecorator {
  return Inject(getPgLockToken(name));
}
