/** Milliseconds of the monotonic clock, which no change of the wall clock moves. @internal */
export function monotonicMs(): number {
  return performance.now();
}
