import type { AnyFunction } from '../nest-metadata.js';

const ORIGINAL = Symbol.for('nestjs-pglock:original');

/** Marks a function as one that stands in for a scheduled method, on its prototype. @internal */
export function markStandIn(standIn: AnyFunction, original: AnyFunction): void {
  Object.defineProperty(standIn, ORIGINAL, { value: original });
}

/** Whether a function is a stand-in, and so safe for the scheduler to keep. @internal */
export function isStandIn(method: unknown): boolean {
  return typeof method === 'function' && ORIGINAL in method;
}

/** The method behind a stand-in, or the method itself. @internal */
export function originalOf(method: AnyFunction): AnyFunction {
  return (method as { readonly [ORIGINAL]?: AnyFunction })[ORIGINAL] ?? method;
}
