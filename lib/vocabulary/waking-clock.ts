import { uptime } from 'node:os';
import { monotonicMs } from './monotonic.js';

/** Both clocks are read one after the other, and one of them is not exact. */
const NOISE_MS = 250;
/** Readings further apart than this belong to different moments: the process was stopped between them. */
const APART_MS = 50;

/**
 * Milliseconds of a monotonic clock that goes on while the machine sleeps, as far as that was noticed. On Linux the clock of
 * `performance.now()` stands still then, whereas servers and leases go on; the system's uptime counts the sleep.
 *
 * @see https://man7.org/linux/man-pages/man2/clock_gettime.2.html `CLOCK_MONOTONIC` and `CLOCK_BOOTTIME`
 * @internal
 */
export class WakingClock {
  private sleptMs = 0;
  private last: { readonly now: number; readonly uptimeMs: number } | undefined;

  constructor(private readonly uptimeMs: () => number) {}

  now(): number {
    return monotonicMs() + this.sleptMs;
  }

  /** Compares the clocks: to be called again and again while anything depends on the time. */
  notice(): void {
    const now = monotonicMs();
    const uptimeMs = this.uptimeMs();
    if (monotonicMs() - now > APART_MS) return;
    const slept = this.last === undefined ? 0 : uptimeMs - this.last.uptimeMs - (now - this.last.now);
    if (slept > NOISE_MS) this.sleptMs += slept;
    this.last = { now, uptimeMs };
  }
}

/** Elsewhere the monotonic clock counts sleep by itself, or the uptime follows the clock on the wall. */
const onLinux = process.platform === 'linux';

/** The clock of leases. @internal */
export const wakingClock = new WakingClock(onLinux ? () => uptime() * 1_000 : monotonicMs);
