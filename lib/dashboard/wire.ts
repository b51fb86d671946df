import type { Finding } from '../inspection/doctor/finding.js';
import type { LeaderStatus } from '../leadership/leader-status.js';
import type { PgLock } from '../inspection/pg-lock.js';
import type { BlockingTreeNode } from '../inspection/blocking-tree.js';

/**
 * A value as it arrives in JSON: instants are ISO 8601, bigints are text.
 *
 * @publicApi
 */
export type Wire<T> = T extends Date | bigint
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Wire<T[Key]> }
      : T;

/** What every `GET {path}/api/…` answers. @publicApi */
export interface DashboardAnswer<Item> {
  /** The `name` of the module's database. */
  readonly connection: string;
  /** When it was looked up. */
  readonly at: Date;
  /** What was asked for. */
  readonly items: readonly Item[];
}

/** `GET {path}/api/now`: blocking trees, roots first. @publicApi */
export interface NowAnswer extends DashboardAnswer<BlockingTreeNode> {
  /** Client sessions of the database. */
  readonly sessions: number;
  /** Sessions of other roles that the connected role may not look into. */
  readonly hidden: number;
  /** When a session was last seen waiting; null when not since the dashboard began to look. */
  readonly lastWaitAt: Date | null;
}

/** A lock, and what the process that holds it says of it, where it uses this library. @publicApi */
export interface DashboardLock extends PgLock {
  /** Since when it is held; null where that is not known. */
  readonly heldSince: Date | null;
  /** How many calls wait for it within the process that holds it, where the server does not see them. */
  readonly waitingWithin: number;
}

/** `GET {path}/api/locks`: who holds and who waits. @publicApi */
export interface LocksAnswer extends DashboardAnswer<DashboardLock> {
  /** Whether there are more locks than were sent. */
  readonly truncated: boolean;
}

/** What is locked, with a name to show and a key to link to. @publicApi */
export interface LockLabel {
  /** Stands for the lock in links and lanes; the same for all that wait for it. */
  readonly key: string;
  /** What kind of thing it is. */
  readonly kind: 'table' | 'row' | 'advisory' | 'transaction' | 'other';
  /** What people call it. */
  readonly name: string;
}

/** A blocking session, as it was when that was first seen. @publicApi */
export interface BlockerRecord {
  /** Process id of its backend; 0 for a prepared transaction. */
  readonly pid: number;
  /** When its backend started, to the microsecond. */
  readonly backendStart: string | null;
  /** Its `application_name`. */
  readonly application: string | null;
  /** Its role. */
  readonly user: string | null;
  /** What it was doing. */
  readonly state: string | null;
  /** Its running or last statement. */
  readonly query: string | null;
  /** Since when it was seen blocking. */
  readonly from: Date;
}

/** One wait for one lock. @publicApi */
export interface WaitRecord {
  /** Tells it from all others of this sampler. */
  readonly id: string;
  /** What was waited for. */
  readonly lock: LockLabel;
  /** How it was asked for. */
  readonly mode: string;
  /** Process id of the backend that waited. */
  readonly pid: number;
  /** When that backend started, to the microsecond. */
  readonly backendStart: string | null;
  /** Its `application_name`. */
  readonly application: string | null;
  /** Its role. */
  readonly user: string | null;
  /** What waited. */
  readonly query: string | null;
  /** When it began. */
  readonly from: Date;
  /** When it was over; null while it lasts. */
  readonly to: Date | null;
  /** The blockers, in the order in which they were seen. */
  readonly blockers: readonly BlockerRecord[];
}

/** Something that happened at an instant. @publicApi */
export interface TimelineMarker {
  /** Tells it from all others of this sampler. */
  readonly id: string;
  /** When. */
  readonly at: Date;
  /** What kind of thing. */
  readonly kind:
    'signal' | 'prioritized' | 'deadlock' | 'lost' | 'sessionEnded' | 'takeover' | 'job' | 'trouble';
  /** What happened, in words. */
  readonly text: string;
  /** The backend that it happened to, where there is one. */
  readonly pid: number | null;
  /** The lock that it was about, where it is known. */
  readonly lock: string | null;
  /** Who asked for it: the name that `authorize` gave. */
  readonly by: string | null;
}

/** An entry of the timeline: a wait, or a marker. @publicApi */
export type TimelineItem =
  | ({
      /** A wait from its begin to its end. */
      readonly type: 'wait';
    } & WaitRecord)
  | ({
      /** Something that happened at one moment. */
      readonly type: 'marker';
    } & TimelineMarker);

/** `GET {path}/api/timeline`. @publicApi */
export interface TimelineAnswer extends DashboardAnswer<TimelineItem> {
  /** Since when there has been something to remember. */
  readonly since: Date;
  /** How far back it reaches, in milliseconds. */
  readonly historyMs: number;
}

/** A connection of this library to the database: `GET {path}/api/replicas`. @publicApi */
export interface ReplicaStatus {
  /** Process id of its backend. */
  readonly pid: number;
  /** When its backend started, to the microsecond. */
  readonly backendStart: string | null;
  /** The application's own name, without the suffix of this library; null where it has none. */
  readonly application: string | null;
  /** What the connection is for: `locks`, `inspection`, … */
  readonly purpose: string;
  /** The address that it comes from. */
  readonly host: string | null;
  /** Its role. */
  readonly user: string | null;
  /** Since when it is connected. */
  readonly since: Date | null;
  /** Milliseconds since it last said something; null where that is hidden. */
  readonly heartbeatAge: number | null;
  /** Advisory locks that it holds. */
  readonly held: number;
  /** Locks that it waits for. */
  readonly waits: number;
  /** Its share of the server's lock table, from 0 to 1. */
  readonly share: number;
}

/** `GET {path}/api/replicas`. @publicApi */
export interface ReplicasAnswer extends DashboardAnswer<ReplicaStatus> {
  /** How many locks fill the server's table. */
  readonly tableLocks: number;
  /** How many it is made for. */
  readonly tableSize: number;
  /** Who leads what, as `pglock.leaders.find()` says. */
  readonly leaders: readonly LeaderStatus[];
}

/** `GET {path}/api/doctor`. @publicApi */
export type DoctorAnswer = DashboardAnswer<Finding>;

/** `GET {path}/api/meta`: what the page needs to know before it asks for anything. @publicApi */
export interface DashboardMeta {
  /** The databases that there are to look at. */
  readonly connections: readonly string[];
  /** Whether sessions may be signalled and jobs run from here. */
  readonly allowSignals: boolean;
  /** Whether statements are left out. */
  readonly hideQueries: boolean;
  /** Whether databases are looked at, or a recording. */
  readonly mode: 'live' | 'replay';
  /** Which stretch of time the recording covers. */
  readonly recorded: {
    /** Its first moment. */
    readonly from: Date;
    /** Its last one. */
    readonly to: Date;
  } | null;
  /** How far back the timeline reaches, in milliseconds. */
  readonly historyMs: number;
  /** Who looks, where `authorize` told. */
  readonly viewer: string | null;
}
