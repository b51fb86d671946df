/** Puts decorators on a method, as TypeScript would: the bench is plain JavaScript, and runs without a build. */
export function decorate(type, method, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, method);
  for (const decorator of decorators.toReversed()) decorator(type.prototype, method, descriptor);
  Object.defineProperty(type.prototype, method, descriptor);
}

/** Puts decorators on a parameter of a method. */
export function decorateParameter(type, method, index, decorator) {
  decorator(type.prototype, method, index);
}
