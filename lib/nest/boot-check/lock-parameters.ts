import { processWide } from '../../vocabulary/process-wide.js';
import { wantsLock, withLockArguments } from '../current-lock.js';
import { isWrapped } from '../decorators/wrap-method.js';
import { impersonate, isScheduled, type AnyFunction } from '../nest-metadata.js';
import { enhancersOf } from '../schedule-bridge/job-enhancers.js';
import type { Caller } from './callers.js';
import type { CheckedMethod } from './checked-method.js';

/**
 * Makes `@CurrentLock()` the lock or nothing on a method that others call directly and that carries no lock: whatever its caller
 * passes at that place is not taken for it. Where Nest reads the parameters, or a lock of ours is around, it is so already.
 *
 * @internal
 */
export function guardLockParameters(checked: CheckedMethod, caller: Caller): void {
  const { prototype, name, method } = checked;
  if (!wantsLock(prototype, name) || isWrapped(method)) return;
  const isHandler = caller.enhancers === 'run' && !isScheduled(method);
  if (isHandler || (caller.enhancers !== 'unknown' && enhancersOf(prototype, method) !== undefined)) return;
  const owner = ownerOf(prototype, name);
  const descriptor = Object.getOwnPropertyDescriptor(owner, name);
  if (descriptor?.configurable !== true || GUARDED.has(method)) return;
  const guarded = function (this: object, ...args: unknown[]): unknown {
    return Reflect.apply(method, this, withLockArguments(this, name, args));
  } as AnyFunction;
  impersonate(guarded, method);
  GUARDED.add(guarded);
  Object.defineProperty(owner, name, { ...descriptor, value: guarded });
}

/** Methods that read their parameters by themselves already, by another application of this process. */
const GUARDED = processWide('guarded-methods:1', () => new WeakSet<object>());

function ownerOf(prototype: object, name: string): object {
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at) as object | null)
    if (Object.hasOwn(at, name)) return at;
  return prototype;
}
