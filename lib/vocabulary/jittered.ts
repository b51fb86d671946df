/** So many milliseconds, varied by up to a half in both directions: processes that failed together try apart. @internal */
export function jittered(ms: number): number {
  return ms * (0.5 + Math.random());
}
