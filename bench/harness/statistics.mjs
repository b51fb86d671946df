/** The value below which the given share of the values lies, interpolated. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at - Math.floor(at));
}

/** Median and quartiles: on a noisy machine a mean says more about the neighbours. */
export function summary(values) {
  if (values.length === 0) return undefined;
  const [lower, median, upper] = [0.25, 0.5, 0.75].map((share) => quantile(values, share));
  return { median, lower, upper, count: values.length };
}

/** Jain's figure: 1 when all got the same, 1/n when one got everything. */
export function fairness(counts) {
  const sum = counts.reduce((a, b) => a + b, 0);
  const squares = counts.reduce((a, b) => a + b * b, 0);
  return squares === 0 ? 1 : (sum * sum) / (counts.length * squares);
}
