import {
  Injectable,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import type { Observable } from 'rxjs';
import type { FlowContextValues } from '../../session/flow-context.js';
import { handlerLabel } from '../context/handler-label.js';
import { declareEnhancer } from '../declare-enhancer.js';
import type { ConnectionOption } from '../handler-options.js';
import { requireRuntime, type LockRuntime } from '../lock-runtime.js';
import { heldAround } from './held-around.js';
import { whileHeld } from './held-handler.js';

/** Options of `AttachContext`. @publicApi */
export interface AttachContextOptions extends ConnectionOption {
  /**
   * What to attach, given the execution context. The server keeps 63 bytes of it.
   *
   * @default the route (`{ route: 'GET /orders/:id' }`), the job (`{ job: 'Reports.rebuild' }`) or the handler's name
   */
  readonly context?: (context: ExecutionContext) => FlowContextValues;
}

/**
 * An interceptor class: the sessions that the handler takes from the module's pool are named after its route or job, so that
 * `pglock.locks` and `pglock` on the command line show which code holds a lock.
 *
 * Sends what `PgLockService.withContext` sends.
 *
 * @example `{ provide: APP_INTERCEPTOR, useClass: AttachContext() }` for all handlers
 * @example `@UseInterceptors(AttachContext())` for those of one controller, or for one job
 * @throws {PgLockUsageError} on bad options.
 * @see https://www.postgresql.org/docs/current/runtime-config-logging.html#GUC-APPLICATION-NAME
 * @publicApi
 */
export function AttachContext(options: AttachContextOptions = {}): Type<NestInterceptor> {
  const describe = options.context ?? handlerLabel;
  @Injectable()
  class AttachContextMixin implements NestInterceptor {
    private readonly runtime: LockRuntime;

    constructor(runtime?: LockRuntime, modules?: ModulesContainer) {
      this.runtime = requireRuntime('AttachContext', options.connection, runtime, modules);
    }

    intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
      const { core, runs } = this.runtime;
      const holding = {
        take: () => heldAround((work) => core.service.withContext(describe(context), work)),
        refused: (error: unknown) => error,
        skipped: () => undefined,
      };
      return whileHeld(context, next, holding, runs);
    }
  }
  declareEnhancer(AttachContextMixin, {
    decorator: 'AttachContext',
    isGuard: false,
    hasId: false,
    connection: options.connection,
  });
  return AttachContextMixin;
}
