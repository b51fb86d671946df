import type { AdvisoryKey } from '../vocabulary/lock-id.js';

/** One name that is led, and its leader. @publicApi */
export interface LeaderStatus {
  /** The name that is led. */
  readonly name: string;
  /** The key of the lock `leader:<name>`, as `pg_locks` shows it. */
  readonly key: AdvisoryKey;
  /** The process that leads; `null` if none does at this moment. */
  readonly leader: LeaderReplica | null;
  /** How many processes stand by, not counting the leader. */
  readonly standingBy: number;
}

/** A process that leads. @publicApi */
export interface LeaderReplica {
  /** Its backend that holds the lock, as `pg_stat_activity.pid`. */
  readonly pid: number;
  /** The application name of its connections. */
  readonly applicationName: string;
  /** The host that it runs on. */
  readonly host: string;
  /** When it began to lead, by its own clock. */
  readonly since: Date;
  /** Its term: see `Leadership.term`. */
  readonly term: bigint;
  /** Whether it is this very module instance. */
  readonly own: boolean;
}

/** The id of the lock that a leader holds. @internal */
export function leaderId(name: string): string {
  return `leader:${name}`;
}
