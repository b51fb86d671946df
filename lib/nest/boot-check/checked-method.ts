import { wrappersOf } from '../decorators/wrap-method.js';
import { enhancerInfo, type EnhancerInfo } from '../enhancer-mark.js';
import { methodNames } from '../method-names.js';
import { METADATA, type AnyFunction } from '../nest-metadata.js';
import { methodOf, type Wrapper } from '../schedule-bridge/job-enhancers.js';
import { originalOf } from '../schedule-bridge/stand-in.js';

/** One method of one class that Nest instantiates, with what decorators of ours say of it. @internal */
export interface CheckedMethod {
  readonly wrapper: Wrapper;
  readonly isController: boolean;
  /** The class that Nest instantiates, which need not be the one that declares the method. */
  readonly host: AnyFunction;
  readonly prototype: object;
  readonly name: string;
  readonly method: AnyFunction;
  /** Interceptors and guards of ours on the method itself. */
  readonly onMethod: readonly EnhancerInfo[];
  /** Those on the class. */
  readonly onClass: readonly EnhancerInfo[];
  /** `@WithAdvisoryLock` and the like on the method: they work however it is called. */
  readonly wrappers: readonly EnhancerInfo[];
}

/** The methods of the class of a provider or controller. @internal */
export function checkedMethods(wrapper: Wrapper, isController: boolean): CheckedMethod[] {
  const prototype = prototypeOf(wrapper);
  if (prototype === undefined || typeof prototype.constructor !== 'function') return [];
  const host = prototype.constructor as AnyFunction;
  const onClass = marked(host);
  return methodNames(prototype).map((name) => {
    // While the application boots, a scheduled method has its stand-in before it.
    const method = originalOf(methodOf(prototype, name));
    const [onMethod, wrappers] = [marked(method), wrappersOf(method)];
    return { wrapper, isController, host, prototype, name, method, onMethod, onClass, wrappers };
  });
}

/** The prototype of what a provider gives: its class, where it is one, else that of the instance that a factory made. @internal */
export function prototypeOf({ metatype, instance, isNotMetatype }: Wrapper): object | undefined {
  const made = instance as unknown;
  if (isNotMetatype) return typeof made === 'object' && made !== null ? protoOf(made) : undefined;
  return (metatype as { readonly prototype?: object } | null)?.prototype;
}

/** `Class.method`, for messages. @internal */
export function labelOf({ host, name }: Pick<CheckedMethod, 'host' | 'name'>): string {
  return `${host.name}.${name}`;
}

/** The enhancers of ours that `@UseInterceptors` and `@UseGuards` have put on a class or a method. @internal */
export function marked(target: object): EnhancerInfo[] {
  return [METADATA.guards, METADATA.interceptors]
    .flatMap((key) => (Reflect.getMetadata(key, target) ?? []) as unknown[])
    .map((enhancer) => enhancerInfo(enhancer))
    .filter((info) => info !== undefined);
}

function protoOf(instance: object): object | undefined {
  return (Object.getPrototypeOf(instance) as object | null) ?? undefined;
}
