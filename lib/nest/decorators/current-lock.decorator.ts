import { createParamDecorator, Inject, type ExecutionContext } from '@nestjs/common';
import type { LockHandle } from '../../locks/lock-handle.js';
import { currentLock, noCurrentLock, noteLockParameter } from '../current-lock.js';
import { RunningLock } from '../running-lock.js';
import { isWrapped } from './wrap-method.js';

/**
 * The lock that `AdvisoryLock` or `@WithAdvisoryLock` holds around this call; of several, the innermost. Works for handlers
 * of every transport, for scheduled jobs, and for any method with `@WithAdvisoryLock`.
 *
 * In a constructor it is a handle that, each time it is used, refers to the lock around the call that is running then. If there is
 * none, its `held` is false, and every other member throws.
 *
 * @example `@Post() close(@CurrentLock() lock: LockHandle) {}`
 * @example `constructor(@CurrentLock() private readonly lock: LockHandle) {}`
 * @throws {PgLockUsageError} when the handler runs under no lock.
 * @publicApi
 */
export function CurrentLock(): ParameterDecorator {
  return (target, method, index) => {
    if (method === undefined) return Inject(RunningLock)(target, method, index);
    noteLockParameter(target, method, index);
    HandlerParameter()(target, method, index);
  };
}

const HandlerParameter = createParamDecorator(
  (_data: unknown, context: ExecutionContext): LockHandle | undefined => {
    const lock = currentLock();
    // The method will take its own lock, and put it here, when it is called.
    if (lock !== undefined || isWrapped(context.getHandler())) return lock;
    throw noCurrentLock(`${context.getClass().name}.${context.getHandler().name}`);
  },
);
