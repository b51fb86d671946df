import { Inject, Optional } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { isObservable } from 'rxjs';
import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';
import { withLockArguments } from '../current-lock.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import { getLockRuntimeToken, requireRuntime, type LockRuntime } from '../lock-runtime.js';
import { impersonate, isRoute, isScheduled, type AnyFunction } from '../nest-metadata.js';

/** One call of a decorated method. @internal */
export interface MethodCall {
  readonly runtime: LockRuntime;
  readonly instance: object;
  readonly method: string | symbol;
  readonly args: readonly unknown[];
  /** Whether the method is one of `@nestjs/schedule`. */
  readonly isJob: boolean;
  /** Whether the method is a route of an HTTP controller. */
  readonly isRoute: boolean;
}

/** What a decorator puts around the call: runs `work` at most once. @internal */
export type Around = (call: MethodCall, work: () => Promise<unknown>) => Promise<unknown>;

/**
 * A method decorator for methods that return a promise.
 *
 * @typeParam Method the method that is decorated.
 * @publicApi
 */
export type AsyncMethodDecorator = <Method extends (...args: never[]) => Promise<unknown>>(
  target: object,
  method: string | symbol,
  descriptor: TypedPropertyDescriptor<Method>,
) => void;

const WRAPPED = Symbol.for('nestjs-pglock:wrapped');

/** Whether a method was given a decorator of ours that works without Nest's interceptors. @internal */
export function isWrapped(method: object): boolean {
  return WRAPPED in method;
}

/** What the decorators of ours on a method asked for, the outermost first. @internal */
export function wrappersOf(method: object): readonly EnhancerInfo[] {
  return (method as { readonly [WRAPPED]?: readonly EnhancerInfo[] })[WRAPPED] ?? [];
}

/** The property through which an instance finds the database of a decorator. @internal */
export function runtimeProperty(connection: string | undefined): symbol {
  return Symbol.for(`nestjs-pglock:${getLockRuntimeToken(connection)}`);
}

/**
 * A decorator that replaces a method by one with `around` around it. The replacement keeps metadata, name and arity, so that
 * the order of decorators does not matter; Nest gives the instance its database by property injection.
 *
 * @internal
 */
export function wrapMethod(info: EnhancerInfo, around: Around): AsyncMethodDecorator {
  const { decorator, connection } = info;
  return (target, method, descriptor) => {
    assertLegacy(decorator, method);
    const original = (descriptor as typeof descriptor | undefined)?.value as unknown as
      AnyFunction | undefined;
    assertWrappable(decorator, target, method, original);
    const property = injectRuntime(
      target,
      connection,
      `@${decorator} on ${nameOf(target)}.${String(method)}`,
    );
    async function wrapper(this: object, ...args: unknown[]): Promise<unknown> {
      const runtime = (this as Readonly<Record<symbol, unknown>> | undefined)?.[property] as
        LockRuntime | undefined;
      if (runtime === undefined) throw notInjected(decorator, target, method);
      const call = {
        runtime,
        instance: this,
        method,
        args,
        isJob: isScheduled(wrapper),
        isRoute: isRoute(wrapper),
      };
      const work = async (): Promise<unknown> => {
        const result: unknown = await Reflect.apply(
          original as AnyFunction,
          this,
          withLockArguments(this, method, args),
        );
        if (isObservable(result)) throw returnsObservable(decorator, target, method);
        return result;
      };
      return call.isJob ? asJob(runtime, () => around(call, work)) : around(call, work);
    }
    impersonate(wrapper as AnyFunction, original as AnyFunction);
    Object.defineProperty(wrapper, WRAPPED, { value: [info, ...wrappersOf(original as object)] });
    descriptor.value = wrapper as never;
  };
}

/** Shutdown waits for the job; what ticks after it has begun does nothing. */
function asJob(runtime: LockRuntime, run: () => Promise<unknown>): Promise<unknown> {
  if (runtime.runs.stopping) return Promise.resolve(undefined);
  const running = run();
  runtime.runs.addJob(running);
  return running;
}

/**
 * Has Nest give each instance its database, by an optional property, and then what tells why there is none: a database that is
 * missing is said in our words.
 */
function injectRuntime(target: object, connection: string | undefined, place: string): symbol {
  const token = getLockRuntimeToken(connection);
  const property = runtimeProperty(connection);
  if (property in target) return property;
  const runtimes = new WeakMap<object, LockRuntime>();
  Inject(token)(target, property);
  Optional()(target, property);
  // Accessors, so that instances look the same to code that prints, compares or serializes them.
  Object.defineProperty(target, property, {
    configurable: true,
    get(this: object) {
      return runtimes.get(this);
    },
    set(this: object, runtime: LockRuntime) {
      runtimes.set(this, runtime);
    },
  });
  const required = Symbol.for(`nestjs-pglock:required:${token}`);
  // Nest sets properties in the order of their declaration.
  Inject(ModulesContainer)(target, required);
  Object.defineProperty(target, required, {
    configurable: true,
    set(this: object, modules: ModulesContainer) {
      requireRuntime(place, connection, runtimes.get(this), modules);
    },
  });
  return property;
}

/**
 * TC39 decorators get a context in place of the method's name, and no metadata that Nest could read.
 *
 * @throws {PgLockUsageError} where one of ours was applied as such.
 * @internal
 */
export function assertLegacy(decorator: string, method: unknown): void {
  if (typeof method !== 'object' || method === null) return;
  throw new PgLockUsageError(
    `@${decorator} was applied as a TC39 decorator, which Nest does not support: set "experimentalDecorators": true (and ` +
      '"emitDecoratorMetadata") in tsconfig.json, or the like in your bundler.',
  );
}

function assertWrappable(
  decorator: string,
  target: object,
  method: string | symbol,
  original: AnyFunction | undefined,
): void {
  const place = `@${decorator} on ${nameOf(target)}.${String(method)}`;
  if (typeof original !== 'function')
    throw new PgLockUsageError(
      `${place}: only methods can be decorated. An arrow function in a property is none: write it as a method.`,
    );
  if (typeof target === 'function')
    throw new PgLockUsageError(`${place}: a static method has no instance that Nest could inject into.`);
  if (original.constructor.name.endsWith('GeneratorFunction'))
    throw new PgLockUsageError(
      `${place}: a generator goes on after the call; lock inside it by pglock.advisory().`,
    );
}

function returnsObservable(decorator: string, target: object, method: string | symbol): PgLockUsageError {
  return new PgLockUsageError(
    `@${decorator} on ${nameOf(target)}.${String(method)}: the method returned an Observable, which would run after the call. ` +
      `Return a promise, or use @UseInterceptors(…) on a handler.`,
  );
}

function notInjected(decorator: string, target: object, method: string | symbol): PgLockUsageError {
  return new PgLockUsageError(
    `@${decorator} on ${nameOf(target)}.${String(method)} needs an instance that Nest created: list the class as a provider ` +
      `or controller, and import PgLockModule.forRoot(). (Called with new, or from a constructor?)`,
  );
}

function nameOf(target: object): string {
  return typeof target === 'function' ? target.name : target.constructor.name;
}
