import type { PlaceObserver } from '../inspection/doctor/place.js';
import { noQueriesError } from '../vocabulary/closed-error.js';

/** Stands in for the connection that looks: *open*, where it finds nothing, then *closed*, where it refuses. @internal */
export class MemoryObserver implements PlaceObserver {
  private isClosed = false;

  version(): Promise<number> {
    return this.answer(0);
  }

  isDirect(): Promise<boolean> {
    return this.answer(true);
  }

  isBalanced(): Promise<boolean> {
    return this.answer(false);
  }

  query<Row extends object>(): Promise<Row[]> {
    return this.answer<Row[]>([]);
  }

  close(): void {
    this.isClosed = true;
  }

  private answer<Answer>(answer: Answer): Promise<Answer> {
    return this.isClosed ? Promise.reject(noQueriesError()) : Promise.resolve(answer);
  }
}
