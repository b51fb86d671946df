import type { Probe } from './probe.js';

/** More chases are not remembered: invented ones must not fill the memory. */
const MOST_ROUNDS = 10_000;

interface Entry {
  readonly keys: Set<string>;
  readonly until: number;
}

/** Which keys a chase has asked for here: for each once, over whichever path it came first. @internal */
export class SeenProbes {
  private readonly rounds = new Map<string, Entry>();

  constructor(private readonly rememberedMs: number) {}

  /** Whether the chase asks for this key for the first time. */
  isNew({ origin, round, key }: Probe, now = performance.now()): boolean {
    this.tidy(now);
    const name = `${origin}:${round}`;
    const entry = this.rounds.get(name) ?? { keys: new Set(), until: now + this.rememberedMs };
    this.rounds.set(name, entry);
    if (entry.keys.has(key)) return false;
    entry.keys.add(key);
    return true;
  }

  /** The oldest come first. */
  private tidy(now: number): void {
    for (const [name, { until }] of this.rounds) {
      if (until > now && this.rounds.size <= MOST_ROUNDS) return;
      this.rounds.delete(name);
    }
  }
}
