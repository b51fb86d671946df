import { lookAtWaits } from '../sql/advisory-lock.js';
import type { SessionLockWait } from './lock-wait.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import type { QueuePlace } from './queue-place.js';
import type { SessionPool } from './session-pool.js';

/** How often waits are looked at; none is that is younger. */
const LOOK_MS = 1_000;
/** A snapshot older than this keeps vacuum from its work. */
const OLD_MS = 60_000;
/** So many looks in a row that do not show a wait mean that its answer is lost. */
const MISSING_LOOKS = 3;

/**
 * Looks at the waits in the server's queue, once a second while there are any: whose snapshot holds up others or has
 * grown old changes sessions, and what the server does not know of any more is given up. The look is a heartbeat as well.
 *
 * @internal
 */
export class WaitWatch {
  private lookedAt = 0;
  private isLooking = false;

  constructor(
    private readonly pool: SessionPool,
    private readonly waits: ReadonlySet<SessionLockWait>,
  ) {}

  tick(): void {
    const now = monotonicMs();
    const main = this.pool.openMain;
    if (this.isLooking || main === undefined || now - this.lookedAt < LOOK_MS) return;
    const places = this.places();
    if (!places.some(([, { since }]) => now - since >= LOOK_MS)) return;
    this.isLooking = true;
    this.lookedAt = now;
    main
      .read(lookAtWaits(places.map(([, { pid }]) => pid)))
      .then((rows) => {
        const shown = new Map(rows.map((row) => [Number(row['pid']), row]));
        for (const [wait, place] of places) {
          const row = shown.get(place.pid);
          this.judge(wait, place, row?.['waits'] === 't', row?.['disturbs'] === 't');
        }
      })
      .catch(() => undefined) // the session is gone, and the next look goes over another
      .finally(() => (this.isLooking = false));
  }

  private places(): (readonly [SessionLockWait, QueuePlace])[] {
    return [...this.waits].flatMap((wait) => [...wait.places].map((place) => [wait, place] as const));
  }

  private judge(wait: SessionLockWait, place: QueuePlace, isWaiting: boolean, disturbs: boolean): void {
    if (!wait.places.has(place)) return;
    place.missing = isWaiting ? 0 : place.missing + 1;
    if (place.missing >= MISSING_LOOKS) return place.giveUp();
    const [first, second] = wait.places;
    if (first === place && second === undefined) {
      if (disturbs || monotonicMs() - place.since >= OLD_MS) void wait.changePlace(place);
    } else if (second === place && isWaiting) {
      first?.leave(); // it has lined up, and takes over
    }
  }
}
