import type { ExecutionContext } from '@nestjs/common';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { LockIds } from '../pg-lock.service.js';

/** What a handler locks: ids, or a function that reads them from the call. @publicApi */
export type HandlerLockIds = LockIds | ((context: ExecutionContext) => LockIds | Promise<LockIds>);

/** The default id of a method: `${Class.name}.${method}`. @throws {PgLockUsageError} for an anonymous class. @internal */
export function defaultLockId(host: { readonly name: string }, method: string | symbol): string {
  if (host.name === '' || method === '')
    throw new PgLockUsageError('A lock id must be given where the class or the method has no name.');
  return `${host.name}.${String(method)}`;
}

/** What this call of the handler locks. @internal */
export async function handlerLockIds(
  ids: HandlerLockIds | undefined,
  context: ExecutionContext,
): Promise<LockIds> {
  if (ids === undefined) return defaultLockId(context.getClass(), context.getHandler().name);
  return typeof ids === 'function' ? await ids(context) : ids;
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
