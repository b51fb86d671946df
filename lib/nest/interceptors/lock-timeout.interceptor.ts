import { Injectable, type NestInterceptor, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { positiveDurationMs, type Duration } from '../../vocabulary/duration.js';
import { declareEnhancer } from '../declare-enhancer.js';
import type { ConnectionOption } from '../handler-options.js';
import { requireRuntime, type LockRuntime } from '../lock-runtime.js';
import { FlowInterceptor } from './flow.interceptor.js';

/**
 * An interceptor class for `@UseInterceptors`: the handler's statements wait at most this long for a lock; `null`: no limit.
 *
 * Sends what `PgLockService.timeout` sends, on each session that the handler takes from the module's pool.
 *
 * @throws {PgLockUsageError} when the Duration is unreadable, zero or negative.
 * @see https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
 * @publicApi
 */
export function LockTimeout(
  duration: Duration | null,
  options: ConnectionOption = {},
): Type<NestInterceptor> {
  if (duration !== null) positiveDurationMs(duration, 'lock timeout');
  @Injectable()
  class LockTimeoutMixin extends FlowInterceptor {
    constructor(runtime?: LockRuntime, modules?: ModulesContainer) {
      super(requireRuntime('LockTimeout', options.connection, runtime, modules));
    }

    protected override around(work: () => Promise<void>): Promise<unknown> {
      return this.runtime.core.service.timeout(duration, work);
    }
  }
  declareEnhancer(LockTimeoutMixin, {
    decorator: 'LockTimeout',
    isGuard: false,
    hasId: false,
    connection: options.connection,
  });
  return LockTimeoutMixin;
}
