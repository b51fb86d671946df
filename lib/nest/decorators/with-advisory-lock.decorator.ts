import { UseInterceptors } from '@nestjs/common';
import { LockNotAvailableError } from '../../errors/lock-not-available.error.js';
import type { LockHandle } from '../../locks/lock-handle.js';
import type { LockIds } from '../../pg-lock.service.js';
import { withCurrentLock } from '../current-lock.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import { invocationOf } from '../schedule-bridge/current-invocation.js';
import { underJobLock } from '../schedule-bridge/method-tick.js';
import { checkLockOptions, lockOptions, type AdvisoryLockHandlerOptions } from '../handler-options.js';
import {
  MethodLockInterceptor,
  refusedMethod,
  skippedRoute,
} from '../interceptors/method-lock.interceptor.js';
import { checkIds, defaultLockId, idAndOptions } from '../lock-target-id.js';
import { wrapMethod, type AsyncMethodDecorator, type MethodCall } from './wrap-method.js';

/** What a method locks: ids, or a function of the method's arguments, called with the instance as `this`. @publicApi */
export type MethodLockIds = LockIds | ((this: never, ...args: never[]) => LockIds | Promise<LockIds>);

/**
 * Runs a method of any provider under an advisory lock. If it is skipped (`onContention: 'skip'`), it resolves to undefined without
 * having run. On scheduled jobs the defaults of jobs apply, as for `AdvisoryLock`. The lock is released when the method's promise
 * settles.
 *
 * Sends what `PgLockService.advisory` sends.
 *
 * @example `@WithAdvisoryLock((order: Order) => 'order:' + order.id, { timeout: '2s' })`
 * @param id what to lock: ids, or a function of the arguments. @default `${Class.name}.${method}`
 * @throws {PgLockUsageError} when the id or an option is not allowed; when called on an instance that Nest did not create.
 * @throws {LockNotAvailableError} (the method does) when the lock was not acquired in time. On a handler, contention is
 * answered as with `AdvisoryLock`: over HTTP 423 with `Retry-After`, or an empty 204 if it is skipped.
 * @see https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
 * @publicApi
 */
export function WithAdvisoryLock(
  id?: MethodLockIds,
  options?: AdvisoryLockHandlerOptions,
): AsyncMethodDecorator;
export function WithAdvisoryLock(options: AdvisoryLockHandlerOptions): AsyncMethodDecorator;
export function WithAdvisoryLock(
  first?: MethodLockIds | AdvisoryLockHandlerOptions,
  second?: AdvisoryLockHandlerOptions,
): AsyncMethodDecorator {
  const { id, options = {} } = idAndOptions<MethodLockIds, AdvisoryLockHandlerOptions>(first, second);
  checkLockOptions(options);
  if (typeof id !== 'function') checkIds(id);
  const { connection, reentrant } = options as typeof options & { readonly reentrant?: boolean };
  const info: EnhancerInfo = {
    ...{ decorator: 'WithAdvisoryLock', isGuard: false, hasId: true, ids: id, reentrant, connection },
    lock: options,
  };
  const wrap = wrapMethod(info, async (call, work) => {
    const ids = await idsOf(id, call);
    const run = call.isJob ? invocationOf(call.instance, call.method) : undefined;
    return run === undefined
      ? underLock(call, ids, options, work)
      : underJobLock({ ...run, ...{ ids, info, options, name: nameOf(call) } }, call.runtime.core, work);
  });
  return (target, method, descriptor) => {
    wrap(target, method, descriptor);
    UseInterceptors(ANSWERING)(target, method, descriptor);
  };
}

const ANSWERING = new MethodLockInterceptor();

/** A method that did not run says so: one that is called by Nest, as a handler, answers for it. */
async function underLock(
  call: MethodCall,
  ids: LockIds,
  options: AdvisoryLockHandlerOptions,
  work: () => Promise<unknown>,
): Promise<unknown> {
  const { runtime, isJob, isRoute } = call;
  const { service } = runtime.core;
  const state = { ran: false };
  const begin = () => {
    state.ran = true;
    return work();
  };
  const inside = (lock: LockHandle) => withCurrentLock(lock, begin);
  // Messages name a work by its function.
  Object.defineProperty(inside, 'name', { value: nameOf(call) });
  try {
    const result = await service.advisory(ids, lockOptions(options, isJob), inside);
    if (state.ran || !isRoute) return result;
  } catch (error) {
    if (state.ran || !(error instanceof LockNotAvailableError)) throw error;
    throw refusedMethod(error, runtime.answering, isRoute);
  }
  throw skippedRoute();
}

function nameOf({ instance, method }: MethodCall): string {
  return `${instance.constructor.name}.${String(method)}`;
}

async function idsOf(id: MethodLockIds | undefined, call: MethodCall): Promise<LockIds> {
  if (id === undefined) return defaultLockId(call.instance.constructor, call.method);
  if (typeof id !== 'function') return id;
  return (await Reflect.apply(id, call.instance, call.args)) as LockIds;
}
