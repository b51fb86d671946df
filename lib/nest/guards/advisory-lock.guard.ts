import { Injectable, Logger, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { LockNotAvailableError } from '../../errors/lock-not-available.error.js';
import { printable } from '../../vocabulary/printable.js';
import { declareEnhancer } from '../declare-enhancer.js';
import { contentionException } from '../exceptions/contention-exception.js';
import type { ConnectionOption } from '../handler-options.js';
import { requireRuntime, type LockRuntime } from '../lock-runtime.js';
import { checkKnownIds, eachId, handlerLockIds, type HandlerLockIds } from '../lock-target-id.js';

/**
 * Refuses while another session or flow holds a lock; made by {@link AdvisoryLockGuard}. Extend it to refuse in another way.
 *
 * Only reads `pg_locks`, which disturbs no other caller: nothing runs after a guard that could release a lock, so it takes none. Its
 * answer is true at the moment of the check.
 *
 * @see https://www.postgresql.org/docs/current/view-pg-locks.html
 * @publicApi
 */
export abstract class AdvisoryLockGuardBase implements CanActivate {
  private readonly logger = new Logger('PgLock');

  /** @throws {PgLockUsageError} when the id is not allowed: the application does not boot. */
  constructor(
    private readonly runtime: LockRuntime,
    private readonly ids: HandlerLockIds | undefined,
  ) {
    checkKnownIds(ids, runtime.core.service);
  }

  /** @throws {LockedException} (on other transports than HTTP, their own exception) while one of the ids is held by another session or flow. */
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const ids = await handlerLockIds(this.ids, context);
    for (const id of eachId(ids)) {
      if (!(await this.runtime.core.advisory.isBusy(id))) continue;
      const message = `Advisory lock ${printable(id)} is held by another session or flow.`;
      if (context.getType<string>() === 'schedule') {
        this.logger.debug(`${context.getClass().name}.${context.getHandler().name} was skipped: ${message}`);
        return false;
      }
      const error = await this.runtime.named(new LockNotAvailableError(message, { id, waited: 0 }));
      throw await this.refusal(error, context);
    }
    return true;
  }

  /** The error that refuses: 423 over HTTP, the transport's own exception elsewhere. Override it for another one. */
  protected refusal(error: LockNotAvailableError, context: ExecutionContext): Error | Promise<Error> {
    return contentionException(error, context, this.runtime.answering);
  }
}

/** The constructor that classes for {@link AdvisoryLockGuard} have. @publicApi */
export type AdvisoryLockGuardClass = abstract new (
  runtime: LockRuntime,
  ids: HandlerLockIds | undefined,
) => AdvisoryLockGuardBase;

/**
 * A guard class for `@UseGuards`: refuses while another session or flow holds the lock, shared or exclusive; a job is skipped then.
 * Sends one query of `pg_locks`, and takes no lock.
 *
 * @param id which lock: ids, or a function of the `ExecutionContext`. @default `${Class.name}.${method}`
 * @param Guard a class of your own that extends {@link AdvisoryLockGuardBase}.
 * @throws {PgLockUsageError} when the id or an option is not allowed.
 * @publicApi
 */
export function AdvisoryLockGuard(
  id?: HandlerLockIds,
  options: ConnectionOption = {},
  Guard: AdvisoryLockGuardClass = AdvisoryLockGuardBase,
): Type<CanActivate> {
  @Injectable()
  class AdvisoryLockGuardMixin extends Guard {
    constructor(runtime?: LockRuntime, modules?: ModulesContainer) {
      super(requireRuntime('AdvisoryLockGuard', options.connection, runtime, modules), id);
    }
  }
  declareEnhancer(AdvisoryLockGuardMixin, {
    decorator: 'AdvisoryLockGuard',
    isGuard: true,
    hasId: true,
    ids: id,
    connection: options.connection,
  });
  return AdvisoryLockGuardMixin;
}
