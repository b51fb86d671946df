/**
 * Replaces a method of one object alone.
 *
 * @param replacement makes the new one out of the one that was there.
 * @returns a function that puts back what was there, unless somebody else has replaced it since; whether that is so.
 * @internal
 */
export function replaceMethod<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
  replacement: (former: Target[Name]) => Target[Name],
): () => boolean {
  const own = Object.getOwnPropertyDescriptor(target, name);
  const method = replacement(target[name]);
  target[name] = method;
  return () => {
    if (target[name] !== method) return false;
    if (own === undefined) Reflect.deleteProperty(target, name);
    else Object.defineProperty(target, name, own);
    return true;
  };
}
