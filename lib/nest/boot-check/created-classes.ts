import { ApplicationConfig, ModuleRef, type ModulesContainer } from '@nestjs/core';
import type { Wrapper } from '../schedule-bridge/job-enhancers.js';

/** What one module gives Nest to create. */
type NestModule = ModulesContainer extends Map<string, infer Found> ? Found : never;

/** Nest's own, which it puts into every module: half of all methods in a small application. */
const OF_NEST: ReadonlySet<unknown> = new Set([ApplicationConfig, ModuleRef]);

/** One class or value that Nest creates, or is given. @internal */
export interface Created {
  readonly wrapper: Wrapper;
  readonly isController: boolean;
}

/**
 * Everything of a module whose methods may be decorated. `DiscoveryService` tells of controllers and providers only; guards,
 * interceptors, pipes and filters that stand in decorators, and middleware, are classes of the application as well.
 *
 * @internal
 */
export function* createdBy(module: NestModule): Generator<Created> {
  const { controllers, providers, injectables, middlewares } = module;
  for (const wrapper of controllers.values()) yield { wrapper, isController: true };
  for (const wrapper of [...providers.values(), ...injectables.values(), ...middlewares.values()])
    if (!wrapper.isAlias && !OF_NEST.has(wrapper.token)) yield { wrapper, isController: false };
}
