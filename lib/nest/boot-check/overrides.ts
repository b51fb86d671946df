import { PgLockConfigurationError } from '../../errors/pg-lock-configuration.error.js';
import { NO_ADVISORY_LOCK } from '../decorators/no-advisory-lock.decorator.js';
import { wrappersOf } from '../decorators/wrap-method.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import { labelOf, marked, type CheckedMethod } from './checked-method.js';

/**
 * Refuses a method that Nest would run without the lock of the method that it overrides.
 *
 * @throws {PgLockConfigurationError} when the override carries no decorator of ours, and does not say that none is meant.
 * @internal
 */
export function checkOverride(checked: CheckedMethod): void {
  const { onMethod, onClass, wrappers, method } = checked;
  if (onMethod.length + onClass.length + wrappers.length > 0) return;
  if (Reflect.hasMetadata(NO_ADVISORY_LOCK, method)) return;
  const lost = overridden(checked);
  if (lost === undefined) return;
  throw new PgLockConfigurationError(
    `PgLockModule: '${labelOf(checked)}' overrides '${lost.of}.${checked.name}' and lost its ${lost.info.decorator}: it would run ` +
      `without the lock. Repeat the decorator on the override, or say @NoAdvisoryLock() where none is meant.`,
  );
}

interface Lost {
  readonly of: string;
  readonly info: EnhancerInfo;
}

function overridden({ prototype, name, method }: CheckedMethod): Lost | undefined {
  for (let at = parentOf(prototype); at !== null; at = parentOf(at)) {
    const own = Object.getOwnPropertyDescriptor(at, name)?.value as unknown;
    if (typeof own !== 'function' || own === method) continue;
    const [info] = [...marked(own), ...wrappersOf(own)];
    if (info !== undefined) return { of: at.constructor.name, info };
  }
  return undefined;
}

function parentOf(prototype: object): object | null {
  return Object.getPrototypeOf(prototype) as object | null;
}
