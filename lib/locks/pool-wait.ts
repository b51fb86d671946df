import type { PoolClient } from 'pg';
import { LockNotAvailableError } from '../errors/lock-not-available.error.js';
import type { LockId } from '../vocabulary/lock-id.js';
import { monotonicMs, TIMER_MAX_MS } from '../vocabulary/monotonic.js';
import { printable } from '../vocabulary/printable.js';
import { onAbort } from '../vocabulary/wait-abort.js';

/** As much of a request as bounds its wait for a connection. */
interface Bounded {
  readonly id: LockId | readonly LockId[];
  readonly timeoutMs: number | null | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * The wait for a connection of the pool, before a lock can be asked for on it: the request's timeout is for both, and its signal
 * stops both. `timeout: 0` tries once, for which it takes a connection, however long that takes.
 *
 * @internal
 */
export class PoolWait<Request extends Bounded> {
  readonly #startedAt = monotonicMs();
  readonly #timeoutMs: number | undefined;
  #late: LockNotAvailableError | undefined;

  /** @param ambientMs the lock timeout of the flow, for a request without one. */
  constructor(
    private readonly request: Request,
    ambientMs: number | null | undefined,
  ) {
    const { timeoutMs = ambientMs } = request;
    this.#timeoutMs = timeoutMs === null || timeoutMs === 0 ? undefined : timeoutMs;
  }

  /** Whether this is the error of a wait that took too long. */
  endedWith(error: unknown): boolean {
    return error !== undefined && error === this.#late;
  }

  /** The request with what is left of its timeout. */
  get rest(): Request {
    if (this.#timeoutMs === undefined) return this.request;
    return { ...this.request, timeoutMs: Math.max(1, Math.round(this.#timeoutMs - this.#waited)) };
  }

  /** A connection that comes too late goes back to its pool. */
  take(connect: () => Promise<PoolClient>): Promise<PoolClient> {
    const { signal } = this.request;
    if (signal === undefined && this.#timeoutMs === undefined) return connect();
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = () => {
        isOver = true;
        clearTimeout(timer);
        stopListening?.();
      };
      const giveUp = (reason: unknown) => {
        end();
        reject(reason);
      };
      const timer = this.#timeoutMs === undefined ? undefined : this.#after(this.#timeoutMs, giveUp);
      const stopListening = signal && onAbort(signal, () => giveUp(signal.reason));
      connect().then(
        (client) => {
          if (isOver) return client.release();
          end();
          resolve(client);
        },
        (error: unknown) => giveUp(error),
      );
    });
  }

  get #waited(): number {
    return monotonicMs() - this.#startedAt;
  }

  #after(timeoutMs: number, giveUp: (reason: unknown) => void): NodeJS.Timeout {
    const left = Math.max(0, timeoutMs - this.#waited);
    return setTimeout(
      () => {
        const waited = Math.round(this.#waited);
        const { id } = this.request;
        this.#late = new LockNotAvailableError(
          `Could not ask for advisory lock ${printable(id)} within ${waited} ms: no connection of the pool was free. ` +
            'Enlarge the pool (`max`), increase `timeout`, or look for work that keeps its connection.',
          { id, waited },
        );
        giveUp(this.#late);
      },
      Math.min(Math.ceil(left), TIMER_MAX_MS),
    );
  }
}
