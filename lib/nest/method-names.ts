import { MetadataScanner } from '@nestjs/core';

/** A scanner remembers prototypes for good; these are forgotten with their classes. */
const known = new WeakMap<object, readonly string[]>();

/** The methods of a class and of those that it extends. All parts that look for decorated methods at boot share the answer. @internal */
export function methodNames(prototype: object | null | undefined): readonly string[] {
  if (!prototype) return [];
  const found = known.get(prototype) ?? new MetadataScanner().getAllMethodNames(prototype);
  known.set(prototype, found);
  return found;
}
