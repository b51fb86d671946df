import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { leaderName, resolveLeadOptions, type LeadOptions } from '../../leadership/lead-options.js';
import type { Leadership } from '../../leadership/leadership.js';
import type { ConnectionOption } from '../handler-options.js';
import { assertLegacy } from './wrap-method.js';

const LEADS = Symbol.for('nestjs-pglock:leader');

/** Options of `@Leader`. @publicApi */
export type LeaderOptions = Omit<LeadOptions, 'signal'> & ConnectionOption;

/** What a decorated method leads. @internal */
export interface LeaderInfo {
  readonly name: string;
  readonly options: LeaderOptions;
}

/** A method of any provider that leads. @publicApi */
export type LeaderMethod = (leadership: Leadership) => unknown;

/**
 * Runs the method on exactly one replica of the application: from bootstrap on, as `pglock.lead` does.
 *
 * It is called with the leadership, and called again after a loss, a resignation and (after a pause) an error; after `giveUpAfter`
 * errors in a row another replica takes precedence. When it returns, this replica no longer stands by. At shutdown its signal
 * aborts, and the application waits for it.
 *
 * Works on methods of providers and controllers that are singletons; anything else stops the boot with
 * `PgLockConfigurationError`.
 *
 * @example @Leader('poller') async poll(leadership: Leadership) { while (!leadership.signal.aborted) await this.pollOnce() }
 * @throws {PgLockUsageError} on a bad name or bad options, or when it does not decorate a method.
 * @publicApi
 */
export function Leader(name: string, options: LeaderOptions = {}) {
  const { connection: _connection, ...lead } = options;
  resolveLeadOptions(lead);
  const info: LeaderInfo = { name: leaderName(name), options };
  return <Method extends LeaderMethod>(
    _target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<Method> | undefined,
  ): void => {
    assertLegacy('Leader', key);
    const method: unknown = descriptor?.value;
    if (typeof method !== 'function')
      throw new PgLockUsageError(`@Leader must decorate a method; ${String(key)} is none.`);
    Reflect.defineMetadata(LEADS, info, method);
  };
}

/** What the method leads, where it is decorated. @internal */
export function leaderInfo(method: unknown): LeaderInfo | undefined {
  if (typeof method !== 'function') return undefined;
  return Reflect.getMetadata(LEADS, method) as LeaderInfo | undefined;
}
