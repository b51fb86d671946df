import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { LockHandle } from '../locks/lock-handle.js';
import { FlowVariable } from '../vocabulary/flow-variable.js';

const held = FlowVariable.shared<LockHandle>('current-lock');

/** Runs work in which `@CurrentLock()` is this lock. @internal */
export function withCurrentLock<Result>(lock: LockHandle, work: () => Result): Result {
  return held.run(lock, work);
}

/** The innermost lock that a decorator or an interceptor holds around the running code. @internal */
export function currentLock(): LockHandle | undefined {
  return held.getStore();
}

const PARAMETERS = Symbol.for('nestjs-pglock:current-lock');

/** Remembers that a method wants the lock in this place. @internal */
export function noteLockParameter(target: object, method: string | symbol, index: number): void {
  Reflect.defineMetadata(PARAMETERS, [...lockParameters(target, method), index], target, method);
}

/**
 * The arguments of a call that Nest does not make, with the current lock where the method wants it, whatever else the caller
 * passes there.
 *
 * @throws {PgLockUsageError} when the method wants the lock and none is held.
 * @internal
 */
export function withLockArguments(
  target: object,
  method: string | symbol,
  given: readonly unknown[],
): unknown[] {
  const args = [...given];
  for (const index of lockParameters(target, method)) {
    const lock = currentLock();
    if (lock === undefined) throw noCurrentLock(`${target.constructor.name}.${String(method)}`);
    args[index] = lock;
  }
  return args;
}

/** The error for a `@CurrentLock()` in code that runs under no lock. @internal */
export function noCurrentLock(label: string): PgLockUsageError {
  return new PgLockUsageError(
    `@CurrentLock() of ${label} has no lock: add @UseInterceptors(AdvisoryLock(…)) or @WithAdvisoryLock(…) to the method or its class.`,
  );
}

function lockParameters(target: object, method: string | symbol): readonly number[] {
  return (Reflect.getMetadata(PARAMETERS, target, method) ?? []) as readonly number[];
}
