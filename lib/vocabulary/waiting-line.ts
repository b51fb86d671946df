import type { LockKey } from './lock-id.js';

/** A request that waits, as peers are told of it. @internal */
export interface OrderedRequest {
  readonly shared: boolean;
  /** When it was made, on the monotonic clock. */
  readonly startedAt: number;
  /** Under which number peers know it; 0 for none. Set by who tells them. */
  told: number;
}

/** What waits in this process for one key, in order of arrival. @internal */
export interface WaitingLine {
  readonly key: LockKey;
  readonly requests: Iterable<OrderedRequest>;
  /** Whether the server's own queue has them in their order: a single one that went there when it was made. */
  readonly isInOrder: boolean;
  /** For how long works here had the key of late, in milliseconds; infinite where that is not known. */
  readonly workMs: number;
  /** Its first request has waited for long. */
  onLasting(): void;
  /** What is known of the others has changed. */
  reconsider(): void;
}

/** The order of requests for one key across processes. @internal */
export interface WaitOrderPort {
  /** Some wait here, or others than before: peers are told, when it lasts. */
  watch(line: WaitingLine): void;
  /** One of those that peers were told of waits no longer. */
  left(line: WaitingLine): void;
  /** Whether requests elsewhere that exclude this one came clearly before it. */
  comesAfterOthers(line: WaitingLine, request: OrderedRequest): boolean;
  /** The same, for who then gives the key up to them: true only a few times for each of them, and told to the peers. */
  makesRoom(line: WaitingLine, request: OrderedRequest): boolean;
}
