/** A value as an error message shows it: short, on one line, never throwing. @internal */
export function printable(value: unknown): string {
  const text = spell(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function spell(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value))
    return `[${value.slice(0, 4).map(spell).join(', ')}${value.length > 4 ? ', …' : ''}]`;
  const name = (Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null)?.constructor
    ?.name;
  return name === undefined || name === 'Object' ? 'an object' : `a ${name}`;
}
