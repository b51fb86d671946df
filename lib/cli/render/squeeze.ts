/** No column is of use below this. */
const NARROWEST = 3;

/**
 * Widths that fit: the widest column gives way first, as long as it has more than its least; then each, down to what is of
 * no use any more.
 *
 * @internal
 */
export function squeezed(natural: readonly number[], least: readonly number[], room: number): number[] {
  const widths = [...natural];
  let over = natural.reduce((sum, width) => sum + width, 0) - room;
  over = giveWay(
    widths,
    natural.map((width, index) => Math.min(width, least[index] ?? NARROWEST)),
    over,
  );
  giveWay(
    widths,
    natural.map((width) => Math.min(width, NARROWEST)),
    over,
  );
  return widths;
}

/** @returns what is still too much. */
function giveWay(widths: number[], least: readonly number[], over: number): number {
  for (; over > 0; over -= 1) {
    const spare = widths.map((width, index) => (width > (least[index] ?? 0) ? width : -1));
    const widest = Math.max(...spare);
    if (widest < 0) return over;
    const at = spare.lastIndexOf(widest);
    widths[at] = widest - 1;
  }
  return 0;
}
