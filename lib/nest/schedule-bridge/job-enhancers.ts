import type { CanActivate, NestInterceptor, Type } from '@nestjs/common';
import { ModuleRef, type DiscoveryService } from '@nestjs/core';
import { wrappersOf } from '../decorators/wrap-method.js';
import { isMarked } from '../enhancer-mark.js';
import { methodNames } from '../method-names.js';
import { isScheduled, METADATA, type AnyFunction } from '../nest-metadata.js';
import { originalOf } from './stand-in.js';

/** What Nest keeps of one provider or controller. @internal */
export type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];
/** The module that a provider belongs to. @internal */
export type Host = NonNullable<Wrapper['host']>;

/** Guards and interceptors as the decorators name them, in the order in which they run. @internal */
export interface JobEnhancers {
  readonly guards: readonly unknown[];
  readonly interceptors: readonly unknown[];
}

const NONE: JobEnhancers = Object.freeze({ guards: [], interceptors: [] });

/** The names of a prototype's scheduled methods that carry, or whose class carries, an enhancer of ours. @internal */
export function jobNames(prototype: object): string[] {
  return methodNames(prototype).filter((name) => {
    // Decorators that work by themselves leave their word with the method, not with what stands in for it.
    const method = originalOf(methodOf(prototype, name));
    return isScheduled(method) && enhancersOf(prototype, method) !== undefined;
  });
}

/**
 * What runs around a scheduled method: everything that the method itself names, and of what its class names only what is
 * ours. Undefined where nothing is ours: Nest runs such jobs without enhancers, and so do we.
 *
 * @internal
 */
export function enhancersOf(prototype: object, method: AnyFunction): JobEnhancers | undefined {
  const host = prototype.constructor;
  const all = {
    guards: [...listed(METADATA.guards, host).filter(isMarked), ...listed(METADATA.guards, method)],
    interceptors: [
      ...listed(METADATA.interceptors, host).filter(isMarked),
      ...listed(METADATA.interceptors, method),
    ],
  };
  if ([...all.guards, ...all.interceptors].some(isMarked)) return all;
  // A decorator of ours works without Nest's enhancers, which do not run on such jobs; its ticks are kept apart nevertheless.
  return wrappersOf(method).some((info) => info.lock !== undefined) ? NONE : undefined;
}

/** Whether a method needs no caller that runs its enhancers: all that is ours on it is a decorator that works by itself. @internal */
export function locksByItself(prototype: object, method: AnyFunction): boolean {
  return enhancersOf(prototype, method) === NONE;
}

/** The method as the prototype has or inherits it. @internal */
export function methodOf(prototype: object, name: string): AnyFunction {
  return (prototype as Readonly<Record<string, AnyFunction>>)[name] as AnyFunction;
}

/** Gives the enhancer for one run. @internal */
export type EnhancerSource<Enhancer> = () => Enhancer | Promise<Enhancer>;

/**
 * Finds an enhancer as Nest would for a handler of that module: the instance in its injectables (where `overrideInterceptor`
 * puts its own), a new one for each run if it is request-scoped, and one that we let the module create if Nest did not.
 *
 * @internal
 */
export async function resolveEnhancer<Enhancer extends CanActivate | NestInterceptor>(
  enhancer: unknown,
  host: Host,
): Promise<EnhancerSource<Enhancer>> {
  if (typeof enhancer !== 'function') return () => enhancer as Enhancer;
  const metatype = enhancer as Type<Enhancer>;
  const wrapper = host.injectables.get(metatype);
  const moduleRef = host.providers.get(ModuleRef)?.instance as ModuleRef;
  if (wrapper === undefined) {
    const created = await moduleRef.create(metatype);
    return () => created;
  }
  if (wrapper.isDependencyTreeStatic() && !wrapper.isTransient) return () => wrapper.instance as Enhancer;
  return () => moduleRef.resolve(metatype, undefined, { strict: true });
}

function listed(key: string, target: object): unknown[] {
  return (Reflect.getMetadata(key, target) ?? []) as unknown[];
}
