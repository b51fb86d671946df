/** Down to this round trip, in milliseconds, so many statements are worth having under way at once. */
const DEPTHS = [
  { fromMs: 1.2, depth: 4 },
  { fromMs: 0.6, depth: 2 },
];
/** A slow answer counts so much less than a quick one: it may have been slow for other reasons than the network. */
const RISE = 1.02;

/**
 * How many statements a session has under way at once: one next to the server, where each costs more than it saves, and more
 * the further away the server is. Measured by the quickest answers of late.
 *
 * @internal
 */
export class PipelineDepth {
  constructor(private roundTripMs: number) {}

  get value(): number {
    return DEPTHS.find(({ fromMs }) => this.roundTripMs >= fromMs)?.depth ?? 1;
  }

  /** Notes the time that the answer to a small statement took, with nothing else under way. */
  measured(ms: number): void {
    this.roundTripMs = Math.min(ms, this.roundTripMs * RISE);
  }
}
