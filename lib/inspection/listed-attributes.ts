import { shownAttributes } from '../sql/inspection-query.js';

/** Since when a lock of this library is held, as the process that holds it says. @internal */
export const HELD_SINCE = 'heldSince';

/** Every attribute that a listing can show, in their order. @internal */
export function listedAttributes(source: 'locks' | 'blocked'): readonly string[] {
  return source === 'blocked' ? shownAttributes('blocked') : [...shownAttributes('locks'), HELD_SINCE].sort();
}
