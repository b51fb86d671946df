import type { AdvisoryLockHandlerOptions } from './handler-options.js';

const MARK = Symbol.for('nestjs-pglock:enhancer');

/** What a decorator asked for, as far as it is known before any call. @internal */
export interface EnhancerInfo {
  /** As it is written: `AdvisoryLock`, `LockTimeout`. */
  readonly decorator: string;
  /** Whether it is a guard. */
  readonly isGuard: boolean;
  /** The ids that it locks or looks for, or a function; undefined for the default id. */
  readonly ids?: unknown;
  /** Whether it locks or looks for an id at all. */
  readonly hasId: boolean;
  /** Whether it runs under a lock of the same id that its caller holds. */
  readonly reentrant?: boolean | undefined;
  /** Of an advisory lock: its options. */
  readonly lock?: AdvisoryLockHandlerOptions;
  /** Which database. */
  readonly connection: string | undefined;
}

/** Marks a class, and so its instances, as an enhancer of this library, across copies of it. @internal */
export function markEnhancer(enhancer: abstract new (...args: never[]) => object, info: EnhancerInfo): void {
  Object.defineProperty(enhancer, MARK, { value: info });
  Object.defineProperty(enhancer.prototype, MARK, { value: info });
}

/** Whether a class or instance that stands in `@UseInterceptors` or `@UseGuards` is one of ours. @internal */
export function isMarked(enhancer: unknown): boolean {
  return enhancerInfo(enhancer) !== undefined;
}

/** What an enhancer of ours asked for; undefined for what others made. @internal */
export function enhancerInfo(enhancer: unknown): EnhancerInfo | undefined {
  const canCarry = typeof enhancer === 'function' || (typeof enhancer === 'object' && enhancer !== null);
  return canCarry ? (enhancer as { readonly [MARK]?: EnhancerInfo })[MARK] : undefined;
}
