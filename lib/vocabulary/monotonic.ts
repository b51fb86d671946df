/** The longest time that one timer of Node can run; what should last longer is asked about again. @internal */
export const TIMER_MAX_MS = 2_147_483_647;

/** Milliseconds of the monotonic clock, which no change of the wall clock moves. @internal */
export function monotonicMs(): number {
  return performance.now();
}
