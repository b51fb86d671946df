import type { LockIds } from '../../pg-lock.service.js';
import { withCurrentLock } from '../current-lock.js';
import { checkLockOptions, lockOptions, type AdvisoryLockHandlerOptions } from '../handler-options.js';
import { defaultLockId, idAndOptions } from '../lock-target-id.js';
import { wrapMethod, type AsyncMethodDecorator, type MethodCall } from './wrap-method.js';

/** What a method locks: ids, or a function of the method's arguments, called with the instance as `this`. @publicApi */
export type MethodLockIds = LockIds | ((this: never, ...args: never[]) => LockIds | Promise<LockIds>);

/**
 * Runs a method of any provider under an advisory lock. Under `onContention: 'skip'` it resolves to undefined without having
 * run. On scheduled jobs the defaults of jobs hold, as for `AdvisoryLock`.
 *
 * Sends what `PgLockService.advisory` sends.
 *
 * @example `@WithAdvisoryLock((order: Order) => 'order:' + order.id, { timeout: '2s' })`
 * @param id what to lock; left out, `${Class.name}.${method}`.
 * @throws {PgLockUsageError} when a Duration is unreadable; when called on an instance that Nest did not create.
 * @throws {LockNotAvailableError} (the method does) when the lock is not had in time.
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
  return wrapMethod('WithAdvisoryLock', options.connection, async (call, work) =>
    call.runtime.core.service.advisory(await idsOf(id, call), lockOptions(options, call.isJob), (lock) =>
      withCurrentLock(lock, work),
    ),
  );
}

async function idsOf(id: MethodLockIds | undefined, call: MethodCall): Promise<LockIds> {
  if (id === undefined) return defaultLockId(call.instance.constructor, call.method);
  if (typeof id !== 'function') return id;
  return (await Reflect.apply(id, call.instance, call.args)) as LockIds;
}
