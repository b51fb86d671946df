type Method = (this: unknown, ...args: unknown[]) => unknown;
type Hear = (args: readonly unknown[]) => void;

const LISTENERS = new WeakMap<object, Set<Hear>>();

/**
 * Tells of calls of an object's methods, before they are made. The methods are replaced once, on the object alone.
 *
 * @returns a function that listens no more; undefined where the object cannot be changed.
 * @internal
 */
export function overhearCalls(
  target: object,
  names: readonly string[],
  hear: Hear,
): (() => void) | undefined {
  const listeners = LISTENERS.get(target) ?? replace(target, names);
  if (listeners === undefined) return undefined;
  listeners.add(hear);
  return () => void listeners.delete(hear);
}

function replace(target: object, names: readonly string[]): Set<Hear> | undefined {
  const listeners = new Set<Hear>();
  const methods = target as Record<string, unknown>;
  for (const name of names) {
    const method = methods[name];
    if (typeof method !== 'function') continue;
    const value: Method = function (...args) {
      for (const hear of [...listeners]) hear(args);
      return (method as Method).apply(this, args);
    };
    if (!Reflect.defineProperty(target, name, { value, configurable: true, writable: true }))
      return undefined;
  }
  LISTENERS.set(target, listeners);
  return listeners;
}
