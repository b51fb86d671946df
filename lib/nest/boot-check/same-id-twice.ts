import { PgLockConfigurationError } from '../../errors/pg-lock-configuration.error.js';
import { lockKey, type LockId } from '../../vocabulary/lock-id.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import { eachId } from '../lock-target-id.js';
import type { LockIds } from '../../pg-lock.service.js';
import { labelOf, type CheckedMethod } from './checked-method.js';

/**
 * Refuses one fixed id twice on the way into a handler: the inner one would wait for the outer one.
 *
 * @param around the enhancers that run around the method, the outermost first.
 * @throws {PgLockConfigurationError} when class and method, or an interceptor and `@WithAdvisoryLock`, name one id.
 * @internal
 */
export function checkSameIdTwice(checked: CheckedMethod, around: readonly EnhancerInfo[]): void {
  const locks = [...around, ...checked.wrappers].filter((info) => info.hasId && !info.isGuard);
  const seen = new Map<string, EnhancerInfo>();
  for (const info of locks) {
    for (const id of fixedIds(info, checked)) {
      const key = `${info.connection ?? ''} ${lockKey(id).text}`;
      const outer = seen.get(key);
      if (outer !== undefined && info.reentrant !== true) throw twice(checked, id, outer, info);
      seen.set(key, info);
    }
  }
}

function fixedIds({ ids }: EnhancerInfo, checked: CheckedMethod): readonly LockId[] {
  if (ids === undefined) return [labelOf(checked)];
  return typeof ids === 'function' ? [] : eachId(ids as LockIds);
}

function twice(
  checked: CheckedMethod,
  id: LockId,
  outer: EnhancerInfo,
  inner: EnhancerInfo,
): PgLockConfigurationError {
  return new PgLockConfigurationError(
    `PgLockModule: '${labelOf(checked)}' takes the lock '${String(id)}' twice on one way, by ${outer.decorator} and by ` +
      `${inner.decorator} inside of it, which would wait for itself. Take one away, or say { reentrant: true } on the inner one.`,
  );
}
