/** A question that several viewers ask at once, or shortly after each other: it is put to the server once. @internal */
export class SharedLook<T> {
  private current: Promise<T> | undefined;
  private askedAt = -Infinity;

  /** @param freshMs how old an answer may be. */
  constructor(
    private readonly look: () => Promise<T>,
    private readonly freshMs = 1_000,
  ) {}

  get(): Promise<T> {
    const now = performance.now();
    if (this.current !== undefined && now - this.askedAt < this.freshMs) return this.current;
    this.askedAt = now;
    const current = this.look();
    this.current = current;
    // What failed is no answer for the next caller.
    current.catch(() => {
      if (this.current === current) this.current = undefined;
    });
    return current;
  }
}
