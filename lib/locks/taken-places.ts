import type { TracedPlace } from '../vocabulary/traced-place.js';
import { trace } from './call-places.js';

/**
 * Where sessions are taken from the pool: noted for the library's own transactions, which begin there, and for others once a
 * transaction was to be named whose `BEGIN` had lost its caller. A stack costs a query through the pool a fifth of its time in this
 * process.
 *
 * @internal
 */
export class TakenPlaces {
  private isNoted = false;

  /** Notes those of others from now on. */
  note(): void {
    this.isNoted = true;
  }

  /** The place at this moment. */
  trace(isOwn: boolean): TracedPlace | undefined {
    return isOwn || this.isNoted ? trace() : undefined;
  }
}
