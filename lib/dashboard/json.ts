/** What is left out of the JSON that viewers get. @internal */
export interface JsonOptions {
  /** Statements may hold personal data in their literals: leave them out. */
  readonly hideQueries: boolean;
}

const LIVE = new Set(['duration', 'xactDuration', 'waitDuration', 'longestWait']);

/** A value as JSON: instants in ISO 8601, bigints as text, errors by their messages. @internal */
export function toJson(value: unknown, { hideQueries }: JsonOptions): string {
  return JSON.stringify(value, (key, inner: unknown) => {
    if (hideQueries && key === 'query') return null;
    return plain(inner);
  });
}

/**
 * Trees as the event stream carries them: the session of a lock is that of its node, and is not sent twice. With `still`,
 * without what changes by itself as time passes, so that two looks at the same waits are the same text.
 *
 * @internal
 */
export function treesToJson(
  value: unknown,
  { hideQueries, still }: JsonOptions & { still: boolean },
): string {
  return JSON.stringify(value, function (this: unknown, key, inner: unknown) {
    if (still && (LIVE.has(key) || key === 'at')) return undefined;
    if (key === 'activity' && isLock(this)) return undefined;
    if (hideQueries && key === 'query') return null;
    return plain(inner);
  });
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Error ? value.message : value;
}

function isLock(owner: unknown): boolean {
  return typeof owner === 'object' && owner !== null && 'granted' in owner;
}
