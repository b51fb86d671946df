/** From the least value, in milliseconds, so many steps to each tenfold. */
const LEAST = 0.001;
const STEPS = 50;

/** Many times, kept as how often each size came: no array grows while something is measured. */
export class Histogram {
  counts = new Array(6 * STEPS).fill(0);
  count = 0;

  add(ms) {
    const step = Math.floor(Math.log10(Math.max(ms, LEAST) / LEAST) * STEPS);
    this.counts[Math.min(step, this.counts.length - 1)]++;
    this.count++;
  }

  /** The value below which the given share of the times lies, of the counts of several. */
  static quantile(all, share) {
    const sums = all[0].map((_, step) => all.reduce((sum, counts) => sum + counts[step], 0));
    const total = sums.reduce((a, b) => a + b, 0);
    let below = 0;
    const step = sums.findIndex((count) => (below += count) >= share * total);
    return LEAST * 10 ** ((step + 0.5) / STEPS);
  }
}
