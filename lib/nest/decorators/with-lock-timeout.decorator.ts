import { positiveDurationMs, type Duration } from '../../vocabulary/duration.js';
import type { ConnectionOption } from '../handler-options.js';
import { wrapMethod, type AsyncMethodDecorator } from './wrap-method.js';

/**
 * Statements of a method of any provider wait at most this long for a lock; `null`: no limit.
 *
 * Sends what `PgLockService.timeout` sends.
 *
 * @throws {PgLockUsageError} when the Duration is unreadable, zero or negative; when called on an instance that Nest did not
 *   create.
 * @see https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-LOCK-TIMEOUT
 * @publicApi
 */
export function WithLockTimeout(
  duration: Duration | null,
  options: ConnectionOption = {},
): AsyncMethodDecorator {
  if (duration !== null) positiveDurationMs(duration, 'lock timeout');
  const info = { decorator: 'WithLockTimeout', isGuard: false, hasId: false, connection: options.connection };
  return wrapMethod(info, ({ runtime }, work) => runtime.core.service.timeout(duration, work));
}
