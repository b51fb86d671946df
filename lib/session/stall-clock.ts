import { LockSessionError } from '../errors/lock-session.error.js';
import { SQLSTATE, sqlStateOf } from '../vocabulary/sqlstate.js';

/** So much of a CPU, while timers stood still, means that the process was busy rather than stopped. */
const BUSY_SHARE = 0.2;
/** So does so much CPU time: one that was stopped was busy for one interval at most, on a machine that is busy itself. */
const BUSY_INTERVALS = 2;

/** One time that the event loop did not run. */
interface Stall {
  readonly ms: number;
  readonly endedAt: number;
  readonly wasBusy: boolean;
}

/**
 * Notices when the event loop stands still, by a timer that comes late: what a session that was lost meanwhile was lost by.
 *
 * Times are milliseconds of the monotonic clock and are given by the caller; so is the CPU time that the process has used.
 *
 * @internal
 */
export class StallClock {
  private last: { readonly at: number; readonly cpuMs: number } | undefined;
  private stall: Stall | undefined;

  /** @param intervalMs how often {@link StallClock.tick} should be called. */
  constructor(private readonly intervalMs: number) {}

  /** The timer has come. */
  tick(now: number, cpuMs: number): void {
    const stall = this.current(now, cpuMs);
    if (stall !== undefined && stall.ms >= this.intervalMs) this.stall = stall;
    this.last = { at: now, cpuMs };
  }

  /** The timer is stopped. */
  stop(): void {
    this.last = undefined;
  }

  /**
   * The error that says what a session was really lost by: the same one, where the event loop has run.
   *
   * @param toleratedMs for how long the event loop may stand still without harm.
   */
  explain(error: Error, toleratedMs: number, now: number, cpuMs: number): Error {
    if (!isSilence(error)) return error;
    const current = this.current(now, cpuMs);
    const recent =
      this.stall !== undefined && now - this.stall.endedAt < toleratedMs ? this.stall : undefined;
    const stall = [current, recent].find((one) => one !== undefined && one.ms >= toleratedMs);
    if (stall === undefined) return error;
    const seconds = `${(stall.ms / 1000).toFixed(1)} s`;
    const what = stall.wasBusy
      ? `The event loop was blocked for ${seconds}`
      : `The process was stopped for ${seconds}`;
    return new LockSessionError(`${what}, which is longer than the lease of the lock session allows.`, {
      cause: error,
    });
  }

  private current(now: number, cpuMs: number): Stall | undefined {
    if (this.last === undefined) return undefined;
    const ms = now - this.last.at - this.intervalMs;
    if (ms <= 0) return undefined;
    const busyMs = Math.min(ms * BUSY_SHARE, this.intervalMs * BUSY_INTERVALS);
    return { ms, endedAt: now, wasBusy: cpuMs - this.last.cpuMs >= busyMs };
  }
}

/** The CPU time that this process has used, in milliseconds. @internal */
export function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Whether an error says that nothing was heard for too long: here, or at the server. */
function isSilence(error: Error): boolean {
  return error instanceof LockSessionError || sqlStateOf(error) === SQLSTATE.idleSessionTimeout;
}
