import { Injectable, type NestInterceptor, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { declareEnhancer } from '../declare-enhancer.js';
import {
  checkPrioritizeOptions,
  prioritizeOptions,
  type PrioritizeHandlerOptions,
} from '../handler-options.js';
import { requireRuntime, type LockRuntime } from '../lock-runtime.js';
import { FlowInterceptor } from './flow.interceptor.js';

/**
 * An interceptor class for `@UseInterceptors`: while the handler runs, the sessions that block it are terminated, or
 * handled as `onBlocked` says.
 *
 * Sends what `PgLockService.prioritize` sends.
 *
 * @example `@UseInterceptors(Prioritize({ interval: '1s' }))`
 * @throws {PgLockUsageError} on bad options.
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
 * @publicApi
 */
export function Prioritize(options: PrioritizeHandlerOptions = {}): Type<NestInterceptor> {
  checkPrioritizeOptions(options);
  @Injectable()
  class PrioritizeMixin extends FlowInterceptor {
    constructor(runtime?: LockRuntime, modules?: ModulesContainer) {
      super(requireRuntime('Prioritize', options.connection, runtime, modules));
    }

    protected override around(work: () => Promise<void>): Promise<unknown> {
      return this.runtime.core.service.prioritize(prioritizeOptions(options), work);
    }
  }
  declareEnhancer(PrioritizeMixin, {
    decorator: 'Prioritize',
    isGuard: false,
    hasId: false,
    connection: options.connection,
  });
  return PrioritizeMixin;
}
