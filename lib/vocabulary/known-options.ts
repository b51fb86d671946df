import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { printable } from './printable.js';

/** Options of a call are an object that holds known names only. @throws {PgLockUsageError} otherwise. @internal */
export function assertOptions(given: unknown, known: readonly string[], what: string): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new PgLockUsageError(`The options of ${what} must be an object; got ${printable(given)}.`);
  for (const name of Object.keys(given))
    if (!known.includes(name))
      throw new PgLockUsageError(
        `Unknown option ${printable(name)} of ${what}.${didYouMean(name, known)} There are: ${known.join(', ')}.`,
      );
}

/** What stops a wait is a signal. @throws {PgLockUsageError} otherwise. @internal */
export function assertSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new PgLockUsageError(`signal must be an AbortSignal; got ${printable(signal)}.`);
}

/** Without what is undefined, which counts as left out. @internal */
export function definedOnly<Options extends object>(options: Options): Partial<Options> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<Options>;
}

/** ` Did you mean 'name'?` where a name of the list is nearly the same, and nothing otherwise. @internal */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = known.toSorted((a, b) => distance(a, name) - distance(b, name))[0];
  return nearest !== undefined && distance(nearest, name) <= 3 ? ` Did you mean '${nearest}'?` : '';
}

/** Levenshtein's distance, without regard to case. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, left] of Array.from(a.toLowerCase()).entries()) {
    const next = [i + 1];
    for (const [j, right] of Array.from(b.toLowerCase()).entries())
      next.push(
        Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + (left === right ? 0 : 1)),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}
