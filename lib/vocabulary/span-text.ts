const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span of time as people read it: `320ms`, `5.2s`, `3m12s`, `2h05m`, `4d03h`. @internal */
export function spanText(milliseconds: number): string {
  if (milliseconds < SECOND) return `${Math.round(milliseconds)}ms`;
  if (milliseconds < MINUTE) return `${(Math.floor(milliseconds / 100) / 10).toFixed(1)}s`;
  if (milliseconds < HOUR) return two(milliseconds, MINUTE, 'm', SECOND, 's');
  return milliseconds < DAY
    ? two(milliseconds, HOUR, 'h', MINUTE, 'm')
    : two(milliseconds, DAY, 'd', HOUR, 'h');
}

function two(milliseconds: number, large: number, l: string, small: number, s: string): string {
  const rest = Math.floor((milliseconds % large) / small);
  return `${Math.floor(milliseconds / large)}${l}${String(rest).padStart(2, '0')}${s}`;
}
