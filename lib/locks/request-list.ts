import type { LockRequest } from './lock-request.js';

/**
 * Requests in the order of arrival. Each keeps its own neighbours, so that one leaves from wherever it stands at the same
 * cost, however many there are.
 *
 * @internal
 */
export class RequestList implements Iterable<LockRequest> {
  first: LockRequest | undefined;
  last: LockRequest | undefined;
  size = 0;
  /** How many of them want the key for themselves. */
  exclusives = 0;

  add(request: LockRequest): void {
    request.before = this.last;
    request.after = undefined;
    if (this.last === undefined) this.first = request;
    else this.last.after = request;
    this.last = request;
    this.size++;
    if (!request.shared) this.exclusives++;
  }

  /** Takes a request out, which must be in this list. */
  remove(request: LockRequest): void {
    const { before, after } = request;
    if (before === undefined) this.first = after;
    else before.after = after;
    if (after === undefined) this.last = before;
    else after.before = before;
    request.before = request.after = undefined;
    this.size--;
    if (!request.shared) this.exclusives--;
  }

  /** Only the request at hand may leave during the walk. */
  *[Symbol.iterator](): Generator<LockRequest> {
    let request = this.first;
    while (request !== undefined) {
      const { after } = request;
      yield request;
      request = after;
    }
  }
}
