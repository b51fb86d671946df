/** From this round trip on, in milliseconds, so many statements are worth having under way at once. */
const DEPTHS = [
  { fromMs: 5, depth: 16 },
  { fromMs: 1.2, depth: 4 },
  { fromMs: 0.6, depth: 2 },
];
/** A network may change; the quickest answer counts for this long at the least, and for twice as long at the most. */
const COUNTS_FOR_MS = 30_000;

/**
 * How many statements a session has under way at once: one next to the server, where each costs more than it saves, and more
 * the further away the server is. Measured by the quickest answers of late: slow ones may be slow because this process or the
 * server was busy, when more statements would make it worse.
 *
 * @internal
 */
export class PipelineDepth {
  private quickest: number;
  private formerQuickest = Infinity;
  private since = -Infinity;

  constructor(roundTripMs: number) {
    this.quickest = roundTripMs;
  }

  get value(): number {
    const roundTripMs = Math.min(this.quickest, this.formerQuickest);
    return DEPTHS.find(({ fromMs }) => roundTripMs >= fromMs)?.depth ?? 1;
  }

  /**
   * Notes the time that an answer took.
   *
   * @param isAlone whether the statement was small, with nothing else under way: another one's time says only that the way is
   * no longer than that, which counts where a busy process never sends a small one.
   */
  measured(ms: number, now: number, isAlone: boolean): void {
    if (isAlone && now - this.since >= COUNTS_FOR_MS) {
      this.formerQuickest = this.quickest;
      this.quickest = ms;
      this.since = now;
    } else if (ms < this.quickest) {
      this.quickest = ms;
    }
  }
}
