import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { LockHandle } from '../locks/lock-handle.js';
import { currentTick } from './schedule-bridge/current-invocation.js';
import { FlowVariable, type Flow } from '../vocabulary/flow-variable.js';

const held = FlowVariable.shared<LockHandle>('current-lock');

/** Runs work in which `@CurrentLock()` is this lock. @internal */
export function withCurrentLock<Result>(lock: LockHandle, work: () => Result): Result {
  return held.run(lock, work);
}

/** A flow in which it is. @internal */
export function flowWithLock(lock: LockHandle, flow: Flow): NonNullable<Flow> {
  return held.with(lock, flow);
}

/** The innermost lock that a decorator or an interceptor holds around the running code. @internal */
export function currentLock(): LockHandle | undefined {
  return held.getStore();
}

const PARAMETERS = Symbol.for('nestjs-pglock:current-lock');
const TICK_PARAMETERS = Symbol.for('nestjs-pglock:current-tick');

/** Remembers that a method wants the lock in this place. @internal */
export function noteLockParameter(target: object, method: string | symbol, index: number): void {
  note(PARAMETERS, target, method, index);
}

/** Remembers that a method wants the tick in this place. @internal */
export function noteTickParameter(target: object, method: string | symbol, index: number): void {
  note(TICK_PARAMETERS, target, method, index);
}

/**
 * The arguments of a call that Nest does not make, with the current lock and tick where the method wants them, whatever else the
 * caller passes there.
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
  for (const index of places(PARAMETERS, target, method)) {
    const lock = currentLock();
    if (lock === undefined) throw noCurrentLock(`${target.constructor.name}.${String(method)}`);
    args[index] = lock;
  }
  for (const index of places(TICK_PARAMETERS, target, method)) args[index] = currentTick();
  return args;
}

/** Whether a method wants the lock anywhere. @internal */
export function wantsLock(target: object, method: string | symbol): boolean {
  return places(PARAMETERS, target, method).length > 0;
}

/** The error for a `@CurrentLock()` in code that runs under no lock. @internal */
export function noCurrentLock(label: string): PgLockUsageError {
  return new PgLockUsageError(
    `@CurrentLock() of ${label} has no lock: add @UseInterceptors(AdvisoryLock(…)) or @WithAdvisoryLock(…) to the method or its class.`,
  );
}

function note(key: symbol, target: object, method: string | symbol, index: number): void {
  Reflect.defineMetadata(key, [...places(key, target, method), index], target, method);
}

function places(key: symbol, target: object, method: string | symbol): readonly number[] {
  return (Reflect.getMetadata(key, target, method) ?? []) as readonly number[];
}
