import { get } from './api.js';
import { show } from './live.js';
import { Store } from './store.js';
import { hold } from './time.js';
import type { Meta, Now, Timeline } from './wire.js';

/** The instant of the recording that is shown; null where databases are looked at. */
export const replayed = new Store<number | null>(null);

let asked = 0;

/** Shows the recording as it was at an instant. What was asked for last wins. */
export async function showInstant(at: number, connection: string | undefined): Promise<void> {
  const mine = ++asked;
  replayed.set(at);
  hold(at);
  const query = { connection, at: new Date(at).toISOString() };
  const [now, timeline] = await Promise.all([get<Now>('now', query), get<Timeline>('timeline', query)]);
  if (mine === asked) show(now, timeline);
}

/** Where a recording begins and ends. */
export function boundsOf({ recorded }: Meta): { readonly from: number; readonly to: number } | null {
  return recorded === null ? null : { from: Date.parse(recorded.from), to: Date.parse(recorded.to) };
}
