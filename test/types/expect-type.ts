/**
 * Whether two types are the very same: assignable both ways is not enough, `any` would be both. Written out, since an alias
 * for its halves would be compared by variance again.
 */
export type Same<A, B> =
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- functions tell types apart
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only where both types are the same: `same<Promise<number>>()(value)`. Never run. */
export declare function same<Expected>(): <Actual>(
  value: Actual,
  ...mustBe: Same<Actual, Expected> extends true ? [] : [expected: Expected, never]
) => void;
