const MARK = Symbol.for('nestjs-pglock:enhancer');

/** Marks a class, and so its instances, as an enhancer of this library, across copies of it. @internal */
export function markEnhancer(enhancer: abstract new (...args: never[]) => object): void {
  Object.defineProperty(enhancer, MARK, { value: true });
  Object.defineProperty(enhancer.prototype, MARK, { value: true });
}

/** Whether a class or instance that stands in `@UseInterceptors` or `@UseGuards` is one of ours. @internal */
export function isMarked(enhancer: unknown): boolean {
  return (
    (typeof enhancer === 'function' || (typeof enhancer === 'object' && enhancer !== null)) &&
    MARK in enhancer
  );
}
