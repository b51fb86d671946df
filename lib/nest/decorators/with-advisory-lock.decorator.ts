import { HttpException, HttpStatus } from '@nestjs/common';
import { LockNotAvailableError } from '../../errors/lock-not-available.error.js';
import type { LockIds } from '../../pg-lock.service.js';
import { withCurrentLock } from '../current-lock.js';
import { LockedException } from '../exceptions/locked.exception.js';
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
 * @throws {LockNotAvailableError} (the method does) when the lock is not had in time; on a route of a controller a
 * `LockedException`, which answers 423, and an empty 204 where it is skipped.
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
  return wrapMethod('WithAdvisoryLock', options.connection, async (call, work) => {
    const ids = await idsOf(id, call);
    if (!call.isRoute) return underLock(call, ids, options, work);
    return answering(call, () => underLock(call, ids, options, async () => ({ value: await work() })));
  });
}

function underLock<Result>(
  { runtime, isJob }: MethodCall,
  ids: LockIds,
  options: AdvisoryLockHandlerOptions,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  const { service } = runtime.core;
  return service.advisory(ids, lockOptions(options, isJob), (lock) => withCurrentLock(lock, work));
}

/** A route answers as `AdvisoryLock` has it answer: 423 when the lock is not had, and 204 when that is passed over. */
async function answering(
  { runtime }: MethodCall,
  run: () => Promise<{ readonly value: unknown } | undefined>,
): Promise<unknown> {
  try {
    const answer = await run();
    if (answer !== undefined) return answer.value;
  } catch (error) {
    if (!(error instanceof LockNotAvailableError)) throw error;
    throw new LockedException(runtime.core.options.httpStatus, { cause: error });
  }
  throw new HttpException('', HttpStatus.NO_CONTENT);
}

async function idsOf(id: MethodLockIds | undefined, call: MethodCall): Promise<LockIds> {
  if (id === undefined) return defaultLockId(call.instance.constructor, call.method);
  if (typeof id !== 'function') return id;
  return (await Reflect.apply(id, call.instance, call.args)) as LockIds;
}
