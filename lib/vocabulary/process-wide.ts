/**
 * What all copies of the library in one process have in common (the ES module and the CommonJS build, two versions in a monorepo):
 * made by whichever asks for it first. The name carries a version, to be raised when the shape changes.
 *
 * @internal
 */
export function processWide<Value extends object>(name: `${string}:${number}`, make: () => Value): Value {
  const key = Symbol.for(`nestjs-pglock:${name}`);
  const common = globalThis as { [key: symbol]: Value | undefined };
  return (common[key] ??= make());
}
