/** A number as people read it: three digits that count, and groups of three. */
export function figure(value) {
  if (value === undefined || Number.isNaN(value)) return '';
  const size = Math.abs(value);
  if (size >= 1_000) return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1).replace(/\.0$/, '');
  if (size >= 0.1 || size === 0) return value.toFixed(2).replace(/\.?0+$/, '') || '0';
  return value.toPrecision(2);
}

/** A ratio with its quartiles. */
export function ratio(summary) {
  if (summary === undefined) return undefined;
  const digits = (value) => (value >= 10 ? value.toFixed(1) : value.toFixed(2));
  return `${digits(summary.median)} (${digits(summary.lower)}–${digits(summary.upper)})`;
}

/** The median alone. */
export function per(summary) {
  return summary === undefined ? '' : figure(summary.median);
}

/** Milliseconds with their quartiles. */
export function ms(summary) {
  if (summary === undefined) return '';
  return `${figure(summary.median)} (${figure(summary.lower)}–${figure(summary.upper)})`;
}
