import type { IncomingMessage, ServerResponse } from 'node:http';

const arrivals = new WeakMap<object, number>();

/** Middleware: notes when a request came in, before any interceptor. */
export function noteArrival(request: IncomingMessage, _response: ServerResponse, next: () => void): void {
  arrivals.set(request, performance.now());
  next();
}

/** For how long a request has been here, in milliseconds. */
export function sinceArrival(request: object): number {
  return performance.now() - (arrivals.get(request) ?? NaN);
}
