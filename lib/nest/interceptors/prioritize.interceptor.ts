import { Inject, Injectable, type NestInterceptor, type Type } from '@nestjs/common';
import { markEnhancer } from '../enhancer-mark.js';
import {
  checkPrioritizeOptions,
  prioritizeOptions,
  type PrioritizeHandlerOptions,
} from '../handler-options.js';
import { getLockRuntimeToken, type LockRuntime } from '../lock-runtime.js';
import { FlowInterceptor } from './flow.interceptor.js';

/**
 * An interceptor class for `@UseInterceptors`: while the handler runs, sessions in the way of its sessions are terminated, or
 * what `onBlocked` says.
 *
 * Sends what `PgLockService.prioritize` sends.
 *
 * @example `@UseInterceptors(Prioritize({ interval: '1s' }))`
 * @throws {PgLockUsageError} on bad options.
 * @publicApi
 */
export function Prioritize(options: PrioritizeHandlerOptions = {}): Type<NestInterceptor> {
  checkPrioritizeOptions(options);
  @Injectable()
  class PrioritizeMixin extends FlowInterceptor {
    constructor(@Inject(getLockRuntimeToken(options.connection)) runtime: LockRuntime) {
      super(runtime);
    }

    protected override around(work: () => Promise<void>): Promise<unknown> {
      return this.runtime.core.service.prioritize(prioritizeOptions(options), work);
    }
  }
  markEnhancer(PrioritizeMixin);
  return PrioritizeMixin;
}
