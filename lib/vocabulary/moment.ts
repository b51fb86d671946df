import { processWide } from './process-wide.js';

const clock = processWide('moments:1', () => ({ latest: 0 }));

/** A number that grows with each call: tells what came first in this process. @internal */
export function nextMoment(): number {
  return ++clock.latest;
}
