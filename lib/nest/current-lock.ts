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

/** The arguments of a call that Nest does not make, with the current lock where the method wants it. @internal */
export function withLockArguments(
  target: object,
  method: string | symbol,
  given: readonly unknown[],
): unknown[] {
  const args = [...given];
  for (const index of lockParameters(target, method)) args[index] ??= currentLock();
  return args;
}

function lockParameters(target: object, method: string | symbol): readonly number[] {
  return (Reflect.getMetadata(PARAMETERS, target, method) ?? []) as readonly number[];
}
