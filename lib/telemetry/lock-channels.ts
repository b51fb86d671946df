import { channel, type Channel } from 'node:diagnostics_channel';
import type { JobFinishedMessage, JobMissedMessage, JobStartedMessage } from './job-channels.js';
import type { LockId } from '../vocabulary/lock-id.js';
import type {
  BlockerSignalledEvent,
  LeaderElectedEvent,
  LeaderLostEvent,
  LeaderResignedEvent,
  PermitsDifferEvent,
  ReleasedBeforeCommitEvent,
  SessionEndedEvent,
} from '../vocabulary/pg-lock-event.js';

/** Which module of this process publishes the message. @publicApi */
export interface LockSource {
  /** The `name` of the module's database. */
  readonly database: string;
  /** Tells modules of one name apart, where a process runs several applications: counted from 1. */
  readonly instance: number;
}

/** What each message about an advisory lock contains. @publicApi */
export interface LockMessage extends LockSource {
  /** The id, or the ids, as they were asked for. */
  readonly id: LockId | readonly LockId[];
  /** Whether it excludes exclusive holders only. */
  readonly shared: boolean;
  /** Whether it lasts until it is released, or until a transaction ends. */
  readonly scope: 'session' | 'transaction';
}

/** On `nestjs-pglock:requested`: a lock is requested. @publicApi */
export type LockRequestedMessage = LockMessage;

/** On `nestjs-pglock:acquired`: the lock is acquired. @publicApi */
export interface LockAcquiredMessage extends LockMessage {
  /** How long it took, in milliseconds, a round trip to the server included. */
  readonly waitedMs: number;
  /** The backend that holds it. */
  readonly pid: number;
}

/** On `nestjs-pglock:refused`: the lock was not acquired. @publicApi */
export interface LockRefusedMessage extends LockMessage {
  /** How long it took to know, in milliseconds. */
  readonly waitedMs: number;
  /** Another session holds it; waiting could never end; the caller's signal aborted, or something else failed. */
  readonly reason: 'contention' | 'deadlock' | 'error';
  /** What the caller is thrown, or spared under `'skip'`. */
  readonly error: unknown;
}

/** On `nestjs-pglock:released`: the holder releases the lock, or its transaction has ended. @publicApi */
export interface LockReleasedMessage extends LockMessage {
  /** How long it was held, in milliseconds. */
  readonly heldMs: number;
}

/** On `nestjs-pglock:lost`: the lock is gone while its holder still works. @publicApi */
export interface LockLostMessage extends LockMessage {
  /** How long it was held, in milliseconds. */
  readonly heldMs: number;
  /** Why it is lost. */
  readonly error: Error;
}

/** On `nestjs-pglock:signalled`: a blocker of prioritized work was signalled, or left alone. @publicApi */
export type BlockerSignalledMessage = LockSource & Omit<BlockerSignalledEvent, 'type'>;

/** On `nestjs-pglock:session-ended`: a lock session ended unexpectedly. @publicApi */
export type SessionEndedMessage = LockSource & Omit<SessionEndedEvent, 'type'>;

/** On `nestjs-pglock:released-before-commit`: once per place, a lock ended before the transaction around it. @publicApi */
export type ReleasedBeforeCommitMessage = LockSource & Omit<ReleasedBeforeCommitEvent, 'type'>;

/** On `nestjs-pglock:leader-elected`: this process leads from now on. @publicApi */
export type LeaderElectedMessage = LockSource & Omit<LeaderElectedEvent, 'type'>;

/** On `nestjs-pglock:leader-resigned`: this process has given up the lead. @publicApi */
export type LeaderResignedMessage = LockSource & Omit<LeaderResignedEvent, 'type'>;

/** On `nestjs-pglock:leader-lost`: the lead was lost. @publicApi */
export type LeaderLostMessage = LockSource & Omit<LeaderLostEvent, 'type'>;

/** On `nestjs-pglock:permits-differ`: processes give different numbers of permits for one id. @publicApi */
export type PermitsDifferMessage = LockSource & Omit<PermitsDifferEvent, 'type'>;

/**
 * The channels of `node:diagnostics_channel` on which the library publishes, by name, with the type of their messages.
 *
 * @see https://nodejs.org/docs/latest/api/diagnostics_channel.html
 * @publicApi
 */
export interface LockChannels {
  /** A lock is asked for. */
  readonly 'nestjs-pglock:requested': LockRequestedMessage;
  /** The lock is acquired. */
  readonly 'nestjs-pglock:acquired': LockAcquiredMessage;
  /** The lock was not acquired. */
  readonly 'nestjs-pglock:refused': LockRefusedMessage;
  /** The holder releases it. */
  readonly 'nestjs-pglock:released': LockReleasedMessage;
  /** The lock is gone while its holder still works. */
  readonly 'nestjs-pglock:lost': LockLostMessage;
  /** A blocker of prioritized work was signalled, or left alone. */
  readonly 'nestjs-pglock:signalled': BlockerSignalledMessage;
  /** A lock session ended by itself. */
  readonly 'nestjs-pglock:session-ended': SessionEndedMessage;
  /** A lock ended before the transaction around it. */
  readonly 'nestjs-pglock:released-before-commit': ReleasedBeforeCommitMessage;
  /** This process leads from now on. */
  readonly 'nestjs-pglock:leader-elected': LeaderElectedMessage;
  /** This process leads no more of its own will. */
  readonly 'nestjs-pglock:leader-resigned': LeaderResignedMessage;
  /** The lead was lost. */
  readonly 'nestjs-pglock:leader-lost': LeaderLostMessage;
  /** Processes give different numbers of permits for one id. */
  readonly 'nestjs-pglock:permits-differ': PermitsDifferMessage;
  /** A run of a job begins in this process. */
  readonly 'nestjs-pglock:job-started': LockSource & JobStartedMessage;
  /** A run of a job in this process has ended. */
  readonly 'nestjs-pglock:job-finished': LockSource & JobFinishedMessage;
  /** The time of a tick is over, and no replica is known to have run it. */
  readonly 'nestjs-pglock:job-missed': LockSource & JobMissedMessage;
}

const REQUESTED = channel('nestjs-pglock:requested');
const ACQUIRED = channel('nestjs-pglock:acquired');
const REFUSED = channel('nestjs-pglock:refused');
const RELEASED = channel('nestjs-pglock:released');
const LOST = channel('nestjs-pglock:lost');
const SIGNALLED = channel('nestjs-pglock:signalled');
const SESSION_ENDED = channel('nestjs-pglock:session-ended');
const RELEASED_BEFORE_COMMIT = channel('nestjs-pglock:released-before-commit');
const LEADER_ELECTED = channel('nestjs-pglock:leader-elected');
const LEADER_RESIGNED = channel('nestjs-pglock:leader-resigned');
const LEADER_LOST = channel('nestjs-pglock:leader-lost');
const PERMITS_DIFFER = channel('nestjs-pglock:permits-differ');
const JOB_STARTED = channel('nestjs-pglock:job-started');
const JOB_FINISHED = channel('nestjs-pglock:job-finished');
const JOB_MISSED = channel('nestjs-pglock:job-missed');

/** The channels themselves. Held here, so that they live as long as the library: Node forgets those without a reference. @internal */
export const CHANNELS = Object.freeze({
  'nestjs-pglock:requested': REQUESTED,
  'nestjs-pglock:acquired': ACQUIRED,
  'nestjs-pglock:refused': REFUSED,
  'nestjs-pglock:released': RELEASED,
  'nestjs-pglock:lost': LOST,
  'nestjs-pglock:signalled': SIGNALLED,
  'nestjs-pglock:session-ended': SESSION_ENDED,
  'nestjs-pglock:released-before-commit': RELEASED_BEFORE_COMMIT,
  'nestjs-pglock:leader-elected': LEADER_ELECTED,
  'nestjs-pglock:leader-resigned': LEADER_RESIGNED,
  'nestjs-pglock:leader-lost': LEADER_LOST,
  'nestjs-pglock:permits-differ': PERMITS_DIFFER,
  'nestjs-pglock:job-started': JOB_STARTED,
  'nestjs-pglock:job-finished': JOB_FINISHED,
  'nestjs-pglock:job-missed': JOB_MISSED,
}) satisfies Record<keyof LockChannels, Channel>;

let instances = 0;

/** One more module that speaks on the channels. @internal */
export function newLockSource(database: string): LockSource {
  return Object.freeze({ database, instance: ++instances });
}

/** Whether anybody listens to what becomes of single locks: all that an unobserved lock pays for. @internal */
export function areLocksWatched(): boolean {
  return (
    ACQUIRED.hasSubscribers ||
    RELEASED.hasSubscribers ||
    REFUSED.hasSubscribers ||
    LOST.hasSubscribers ||
    REQUESTED.hasSubscribers
  );
}

/** Publishes on a channel, where there is a subscriber. @internal */
export function say<Name extends keyof LockChannels>(name: Name, message: LockChannels[Name]): void {
  if (CHANNELS[name].hasSubscribers) CHANNELS[name].publish(message);
}
