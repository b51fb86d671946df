import { awaitedOf } from '../sql/advisory-lock.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { SessionPool } from './session-pool.js';

/** How often it is looked: every other heartbeat of the default lease, whose place it takes. */
const LOOK_MS = 4_000;

/** The keys that a process keeps between runs. @internal */
export interface KeptPort {
  /** Those that no work uses at this moment. */
  unused(): readonly LockKey[];
  /** A session waits for one of them. */
  wanted(key: LockKey): void;
}

/**
 * Looks whether any session waits for what is kept here and not used. Processes of this library ask for it (see
 * `LendingStore`); a session of another application only stands in the server's queue. The look is a heartbeat as well.
 *
 * @internal
 */
export class KeptLook {
  private lookedAt = -Infinity;
  private isLooking = false;

  constructor(
    private readonly pool: SessionPool,
    private readonly kept: KeptPort,
  ) {}

  tick(): void {
    const now = monotonicMs();
    const main = this.pool.openMain;
    if (this.isLooking || main === undefined || now - this.lookedAt < LOOK_MS) return;
    this.lookedAt = now;
    const keys = this.kept.unused(); // which goes through all keys that are in use
    if (keys.length === 0) return;
    this.isLooking = true;
    main
      .read(awaitedOf(keys))
      .then((rows) => {
        const awaited = new Set(rows.map(({ key }) => key));
        for (const key of keys) if (awaited.has(key.text)) this.kept.wanted(key);
      })
      .catch(() => undefined) // the session is gone, and what it held with it
      .finally(() => (this.isLooking = false));
  }
}
