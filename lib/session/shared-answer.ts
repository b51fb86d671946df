/**
 * What all who are told by one answer of the server await first, in the place of a promise each: a promise of one's own, with
 * the functions that settle it, is a third of what a lock takes up while it is being asked for.
 *
 * Whoever is told anything makes it arrive, so that it may be early for the others.
 *
 * @internal
 */
export class SharedAnswer {
  readonly arrived: Promise<void>;
  private resolve: (() => void) | undefined;

  constructor() {
    this.arrived = new Promise((resolve) => (this.resolve = resolve));
  }

  arrive(): void {
    this.resolve?.();
    this.resolve = undefined;
  }
}
