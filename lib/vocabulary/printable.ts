/** A value as an error message shows it: short, on one line, never throwing. @internal */
export function printable(value: unknown): string {
  const text = spellSafely(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Proxies and getters may throw whatever is asked of them. */
function spellSafely(value: unknown): string {
  try {
    return spell(value, 0);
  } catch {
    return 'something that cannot be shown';
  }
}

function spell(value: unknown, depth: number): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value) && depth > 2) return 'an array';
  if (Array.isArray(value)) {
    const items = value.slice(0, 4).map((item) => spell(item, depth + 1));
    return `[${items.join(', ')}${value.length > 4 ? ', …' : ''}]`;
  }
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor
    ?.name;
  return name === undefined || name === 'Object' ? 'an object' : `a ${name}`;
}
