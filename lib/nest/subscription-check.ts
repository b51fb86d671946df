import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { isMarked } from './enhancer-mark.js';
import { methodNames } from './method-names.js';
import { METADATA, type AnyFunction } from './nest-metadata.js';

/**
 * Refuses interceptors of ours on GraphQL subscriptions: Nest runs them around the call that *starts* a subscription, so that
 * a lock would seem to cover events that it does not.
 *
 * @internal
 */
@Injectable()
export class SubscriptionCheck implements OnModuleInit {
  constructor(private readonly discovery: DiscoveryService) {}

  /** @throws {PgLockConfigurationError} when a subscription, or the class of one, has an interceptor of ours. */
  onModuleInit(): void {
    const hosts = this.discovery.getProviders().map((wrapper) => wrapper.metatype as AnyFunction | null);
    for (const host of new Set(hosts))
      if (typeof host === 'function' && host.prototype !== undefined) this.check(host);
  }

  private check(host: AnyFunction): void {
    const prototype = host.prototype as Readonly<Record<string, AnyFunction>>;
    for (const name of methodNames(prototype)) {
      const method = prototype[name] as AnyFunction;
      if (Reflect.getMetadata(METADATA.resolverType, method) !== 'Subscription') continue;
      if (![host, method].flatMap(interceptorsOf).some(isMarked)) continue;
      throw new PgLockConfigurationError(
        `PgLockModule: ${host.name}.${name} is a GraphQL subscription: an interceptor would be over before the first event. ` +
          `Lock where the event is made, by pglock.advisory(), and take the interceptor from the method and its class.`,
      );
    }
  }
}

function interceptorsOf(target: AnyFunction): unknown[] {
  return (Reflect.getMetadata(METADATA.interceptors, target) ?? []) as unknown[];
}
