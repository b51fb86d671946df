/** A caller that runs enhancers by itself: a key of its metadata, a class, or `'Class.method'`. @publicApi */
export type TrustedCaller = string | symbol | (abstract new (...args: never[]) => object);

/** How decorated handlers are checked at boot. @publicApi */
export interface HandlersOptions {
  /**
   * Handlers whose callers run interceptors and guards by themselves, which the library cannot see: they are not refused at boot.
   * A metadata key that the caller's decorator sets on the method or class, a class, or `'Class.method'`.
   *
   * @default []
   */
  readonly trust?: readonly TrustedCaller[] | undefined;
}

/** {@link HandlersOptions} with nothing left out. @internal */
export interface ResolvedHandlersOptions {
  readonly trust: readonly TrustedCaller[];
}
