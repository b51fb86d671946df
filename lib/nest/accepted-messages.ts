import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, DiscoveryService } from '@nestjs/core';
import { LockContext } from '../locks/lock-context.js';
import { methodNames } from './method-names.js';
import { METADATA, type AnyFunction } from './nest-metadata.js';
import { RunRegistry } from './run-registry.js';

type Methods = Record<string, AnyFunction | undefined>;

/** A handler of a gateway, as Nest gives it to the adapter. */
interface SocketHandler {
  readonly callback: AnyFunction;
}

/** What the applications of this process have in common: Nest has one class of servers for all of them. */
class MessageWatch {
  private readonly registries = new Set<{ readonly stopping: boolean }>();
  private readonly patched = new WeakSet<Methods>();

  add(registry: { readonly stopping: boolean }): void {
    this.registries.add(registry);
  }

  delete(registry: { readonly stopping: boolean }): void {
    this.registries.delete(registry);
  }

  /** A message has come. It counts as accepted before while none of the applications stops: which of them it is for is not known. */
  readonly begin = (): void => {
    if (this.registries.size === 0) return;
    let isStopping = false;
    for (const registry of this.registries) isStopping ||= registry.stopping;
    LockContext.beginRequest(!isStopping);
  };

  /** Each server asks for the handler of a message when that has come; gRPC makes one for each method at its start. */
  patch(server: Methods): void {
    if (this.patched.has(server)) return;
    this.patched.add(server);
    const { begin } = this;
    before(server, 'getHandlerByPattern', begin);
    const create = ownMethod(server, 'createServiceMethod');
    if (create !== undefined)
      server['createServiceMethod'] = function (this: unknown, ...args: unknown[]) {
        const handler = create.apply(this, args) as AnyFunction;
        return function (this: unknown, ...call: unknown[]) {
          begin();
          return handler.apply(this, call);
        };
      };
  }
}

const WATCH = new MessageWatch();

/**
 * Marks the flows of messages of microservices and gateways that were accepted before the shutdown: they may still acquire when it has
 * begun, as HTTP requests may.
 *
 * @internal
 */
@Injectable()
export class AcceptedMessages implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly config: ApplicationConfig,
    private readonly runs: RunRegistry,
  ) {}

  async onModuleInit(): Promise<void> {
    WATCH.add(this.runs);
    this.watchGateways();
    if (!this.hasPatterns()) return;
    const servers = Object.values(await import('@nestjs/microservices')) as unknown[];
    for (const server of servers) if (isServer(server)) WATCH.patch(server.prototype);
  }

  onApplicationShutdown(): void {
    WATCH.delete(this.runs);
  }

  /** Nest has its adapter by now, where there are gateways, and asks it for each client that connects. */
  private watchGateways(): void {
    const adapter = this.config.getIoAdapter() as unknown as Methods | undefined;
    const bind = adapter?.['bindMessageHandlers'];
    if (adapter === undefined || bind === undefined) return;
    adapter['bindMessageHandlers'] = function (this: unknown, client: unknown, handlers: unknown, ...rest) {
      return bind.call(this, client, (handlers as readonly SocketHandler[]).map(marked), ...rest);
    };
  }

  private hasPatterns(): boolean {
    return this.discovery.getControllers().some(({ metatype }) => {
      if (typeof metatype !== 'function') return false;
      const prototype = metatype.prototype as Methods;
      return methodNames(prototype).some((name) =>
        Reflect.hasMetadata(METADATA.pattern, prototype[name] as AnyFunction),
      );
    });
  }
}

function marked(handler: SocketHandler): SocketHandler {
  const { callback } = handler;
  return {
    ...handler,
    callback(this: unknown, ...args: unknown[]) {
      WATCH.begin();
      return callback.apply(this, args);
    },
  };
}

function before(host: Methods, name: string, begin: () => void): void {
  const method = ownMethod(host, name);
  if (method === undefined) return;
  host[name] = function (this: unknown, ...args: unknown[]) {
    begin();
    return method.apply(this, args);
  };
}

function ownMethod(host: Methods, name: string): AnyFunction | undefined {
  return Object.hasOwn(host, name) ? host[name] : undefined;
}

function isServer(value: unknown): value is { readonly prototype: Methods } {
  if (typeof value !== 'function') return false;
  const prototype = value.prototype as Methods | undefined;
  return typeof prototype?.['getHandlerByPattern'] === 'function';
}
