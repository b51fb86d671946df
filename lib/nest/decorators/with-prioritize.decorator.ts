import {
  checkPrioritizeOptions,
  prioritizeOptions,
  type PrioritizeHandlerOptions,
} from '../handler-options.js';
import { wrapMethod, type AsyncMethodDecorator } from './wrap-method.js';

/**
 * While a method of any provider runs, the sessions that block it are terminated, or handled as `onBlocked` says.
 *
 * Sends what `PgLockService.prioritize` sends.
 *
 * @throws {PgLockUsageError} on bad options; (the method does) when called on an instance that Nest did not create.
 * @throws {PrioritizeError} (the method does) when `onBlocked` failed.
 * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
 * @publicApi
 */
export function WithPrioritize(options: PrioritizeHandlerOptions = {}): AsyncMethodDecorator {
  checkPrioritizeOptions(options);
  const info = { decorator: 'WithPrioritize', isGuard: false, hasId: false, connection: options.connection };
  return wrapMethod(info, ({ runtime }, work) =>
    runtime.core.service.prioritize(prioritizeOptions(options), work),
  );
}
