import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';

type NestModule = ModulesContainer extends Map<string, infer Found> ? Found : never;

/**
 * Runs something before or after the hooks of all other modules. Nest calls hooks module by module, those far from the root and
 * the global ones first; a provider of the first or the last module is called with it.
 *
 * @see https://docs.nestjs.com/fundamentals/lifecycle-events
 * @internal
 */
@Injectable()
export class HookOrder {
  constructor(private readonly modules: ModulesContainer) {}

  /** Before every other `onModuleInit`. Call it in a constructor. */
  firstOnModuleInit(run: () => Promise<void> | void): void {
    this.inHookOrder()
      .at(0)
      ?.addProvider(hook('first', { onModuleInit: run }));
  }

  /** With the last `onApplicationBootstrap`, which is that of the root module. Call it in a constructor. */
  lastOnApplicationBootstrap(run: () => Promise<void> | void): void {
    this.inHookOrder()
      .at(-1)
      ?.addProvider(hook('last', { onApplicationBootstrap: run }));
  }

  /** Whether the root module is one of `@nestjs/testing`. */
  get isTest(): boolean {
    return [...this.modules.values()].some(({ name }) => name === 'RootTestModule');
  }

  private inHookOrder(): NestModule[] {
    return [...this.modules.values()].sort((a, b) => b.distance - a.distance);
  }
}

function hook(name: string, useValue: object): { provide: symbol; useValue: object } {
  return { provide: Symbol(`nestjs-pglock:${name}`), useValue };
}
