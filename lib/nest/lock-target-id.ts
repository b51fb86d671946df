import type { ExecutionContext } from '@nestjs/common';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { LockIds, PgLockService } from '../pg-lock.service.js';
import { listOfIds, lockKey, type LockId } from '../vocabulary/lock-id.js';

/** What a handler locks: ids, or a function that reads them from the call. @publicApi */
export type HandlerLockIds = LockIds | ((context: ExecutionContext) => LockIds | Promise<LockIds>);

/** The default id of a method: `${Class.name}.${method}`. @throws {PgLockUsageError} for an anonymous class. @internal */
export function defaultLockId(host: { readonly name: string }, method: string | symbol): string {
  if (host.name === '' || method === '')
    throw new PgLockUsageError('A lock id must be given where the class or the method has no name.');
  return `${host.name}.${String(method)}`;
}

/** The ids, one by one: two plain numbers are a pair, and so one id. @internal */
export function eachId(ids: LockIds): readonly LockId[] {
  return listOfIds(ids);
}

/** Checks ids that are known before any call. @throws {PgLockUsageError} when one is no id, or there is none. @internal */
export function checkIds(ids: LockIds | undefined): void {
  if (ids === undefined) return;
  for (const id of eachId(ids)) lockKey(id);
}

/**
 * Checks ids that are known before any call, and lets the database remember their names for views of locks.
 *
 * @throws {PgLockUsageError} when one is no id, or there is none: the application does not boot.
 * @internal
 */
export function checkKnownIds(ids: HandlerLockIds | undefined, service: PgLockService): void {
  if (ids === undefined || typeof ids === 'function') return;
  checkIds(ids);
  for (const id of eachId(ids)) service.advisoryKey(id);
}

/** What this call of the handler locks; a promise only where `ids` gives one, or throws. @internal */
export function handlerLockIds(
  ids: HandlerLockIds | undefined,
  context: ExecutionContext,
): LockIds | Promise<LockIds> {
  try {
    if (ids === undefined) return defaultLockId(context.getClass(), context.getHandler().name);
    const found = typeof ids === 'function' ? ids(context) : ids;
    return isThenable(found) ? Promise.resolve(found) : found;
  } catch (error) {
    return Promise.reject(error);
  }
}

function isThenable(found: LockIds | PromiseLike<LockIds>): found is PromiseLike<LockIds> {
  return typeof found === 'object' && 'then' in found;
}

/** Tells `(options)` from `(id, options)`: an id is never a plain object. @internal */
export function idAndOptions<Id, Options extends object>(
  first: Id | Options | undefined,
  second: Options | undefined,
): { readonly id: Id | undefined; readonly options: Options | undefined } {
  const isOptions = typeof first === 'object' && first !== null && !Array.isArray(first);
  return isOptions
    ? { id: undefined, options: first as Options }
    : { id: first as Id | undefined, options: second };
}

/** The ids as a log shows them. @internal */
export function shownIds(ids: LockId | readonly LockId[]): string {
  return listOfIds(ids).map(String).join(', ');
}
