import { Injectable } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';

/** Which enhancers a caller has asked Nest to run. */
interface RunBy {
  readonly guards: boolean;
  readonly interceptors: boolean;
}

/**
 * Learns for which methods Nest makes a context of its own for others (GraphQL's fields, RabbitMQ's handlers, any library that
 * asks `ExternalContextCreator`): their enhancers run. Others ask during the hooks of the boot.
 *
 * @internal
 */
@Injectable()
export class ExternalContexts {
  private readonly contexts = new WeakMap<object, Map<string, RunBy>>();

  constructor(creator: ExternalContextCreator) {
    const create = creator.create.bind(creator) as (...args: unknown[]) => unknown;
    creator.create = ((...args: unknown[]) => {
      const [instance, , name, , , , , options] = args;
      if (typeof instance === 'object' && instance !== null && typeof name === 'string')
        this.note(Object.getPrototypeOf(instance) as object, name, options as Partial<RunBy> | undefined);
      return create(...args);
    }) as typeof creator.create;
  }

  /** Whether guards, or interceptors, of a method run. */
  runs(prototype: object, name: string, kind: keyof RunBy): boolean {
    return this.contexts.get(prototype)?.get(name)?.[kind] ?? false;
  }

  /** Whether anybody has asked for a context of the method, with or without enhancers. */
  knows(prototype: object, name: string): boolean {
    return this.contexts.get(prototype)?.has(name) ?? false;
  }

  private note(prototype: object, name: string, options: Partial<RunBy> = {}): void {
    const of = this.contexts.get(prototype) ?? new Map<string, RunBy>();
    this.contexts.set(prototype, of);
    const before = of.get(name);
    of.set(name, {
      guards: (options.guards ?? true) || before?.guards === true,
      interceptors: (options.interceptors ?? true) || before?.interceptors === true,
    });
  }
}
