import type { AdvisoryKey } from '../vocabulary/lock-id.js';

/** Who leads. @publicApi */
export interface LeaderStatus {
  /** What is led. */
  readonly name: string;
  /** The key of the lock `leader:<name>`, as `pg_locks` shows it. */
  readonly key: AdvisoryKey;
  /** The process that leads; `null` where none does at this moment. */
  readonly leader: LeaderReplica | null;
  /** How many processes stand by, the leader aside. */
  readonly standingBy: number;
}

/** A process that leads. @publicApi */
export interface LeaderReplica {
  /** Its backend that holds the lock, as `pg_stat_activity.pid`. */
  readonly pid: number;
  /** What the application calls itself. */
  readonly applicationName: string;
  /** The host that it runs on. */
  readonly host: string;
  /** Since when it leads, by its own clock. */
  readonly since: Date;
  /** The number of its term. */
  readonly term: bigint;
  /** Whether it is this very module instance. */
  readonly own: boolean;
}

/** The id of the lock that a leader holds. @internal */
export function leaderId(name: string): string {
  return `leader:${name}`;
}
