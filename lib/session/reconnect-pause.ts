import { jittered } from '../vocabulary/jittered.js';

const SHARE = 0.1;
const PAUSE_MS = { least: 50, most: 1_000 };

/**
 * The pause before the next attempt to connect, in milliseconds: about a tenth of the time for which the server has been away, so that a
 * short restart is over as soon as it is, and a long outage is not met by a storm.
 *
 * @internal
 */
export function reconnectPauseMs(awayMs: number): number {
  return Math.min(jittered(Math.max(PAUSE_MS.least, awayMs * SHARE)), PAUSE_MS.most);
}
