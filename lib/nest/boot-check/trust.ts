import type { TrustedCaller } from '../../options/handlers-options.js';
import { labelOf, type CheckedMethod } from './checked-method.js';

/** Whether the application vouches for the caller of the method. @internal */
export function isTrusted(checked: CheckedMethod, trusted: readonly TrustedCaller[]): boolean {
  const { host, method, prototype, name } = checked;
  return trusted.some((caller) => {
    if (typeof caller === 'function') return prototype instanceof caller || host === (caller as unknown);
    if (caller === labelOf(checked)) return true;
    const targets = [method, host].some((target) => Reflect.hasMetadata(caller, target));
    return targets || Reflect.hasMetadata(caller, prototype, name);
  });
}
