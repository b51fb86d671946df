/**
 * Moves the clock of this process by `CLOCK_OFFSET_MS`, so that one machine can act as several whose clocks differ:
 * `@Cron` goes by `Date`, and ticks as much later as the clock is behind. Imported before anything else, and only good
 * for a show: your own replicas have such clocks without it.
 */
const offsetMs = Number(process.env['CLOCK_OFFSET_MS'] ?? 0);
const RealDate = Date;

class MovedDate extends RealDate {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(RealDate.now() + offsetMs);
    else super(...(given as [number]));
  }

  static override now(): number {
    return RealDate.now() + offsetMs;
  }
}

if (offsetMs !== 0) globalThis.Date = MovedDate as DateConstructor;
