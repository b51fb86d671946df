/** A caller that runs enhancers by itself: a key of its metadata, a class, or `'Class.method'`. @publicApi */
export type TrustedCaller = string | symbol | (abstract new (...args: never[]) => object);

/** How decorated handlers are checked at boot. @publicApi */
export interface HandlersOptions {
  /**
   * Callers that run interceptors and guards by themselves, in ways that the library cannot see: methods that they call are
   * let through. A metadata key that their decorator leaves on the method or class, a class, or `'Class.method'`.
   *
   * @default []
   */
  readonly trust?: readonly TrustedCaller[] | undefined;
}

/** {@link HandlersOptions} with nothing left out. @internal */
export interface ResolvedHandlersOptions {
  readonly trust: readonly TrustedCaller[];
}
