import type { JobTickRecord } from '../../lib/dashboard/sampling/job-history.js';
import type * as Server from '../../lib/dashboard/wire.js';
import type { BlockingTreeNode } from '../../lib/inspection/blocking-tree.js';
import type { PgActivity } from '../../lib/inspection/pg-activity.js';
import type { PgLock } from '../../lib/inspection/pg-lock.js';
import type { JobStatus } from '../../lib/jobs/job-status.js';
import type { SignalOutcome } from '../../lib/inspection/signal-outcome.js';

/** What the server sends, as it arrives: instants and bigints are text. Only types come from there. */
export type Activity = Server.Wire<PgActivity>;
export type Lock = Server.Wire<PgLock>;
export type ShownLock = Server.Wire<Server.DashboardLock>;
/** The lock of a node comes without its session: that is the node's. */
export interface TreeNode {
  readonly activityId: number;
  readonly activity: Activity;
  readonly preparedTransaction: string | null;
  readonly lock: Omit<Lock, 'activity'> | null;
  readonly blockedBy: readonly number[];
  readonly cycle: boolean;
  readonly holdsUp: BlockingTreeNode['holdsUp'];
  readonly blocked: readonly TreeNode[];
}
export interface Now extends Omit<Server.Wire<Server.NowAnswer>, 'items'> {
  readonly items: readonly TreeNode[];
}
export type Locks = Server.Wire<Server.LocksAnswer>;
export type Wait = Server.Wire<Server.WaitRecord>;
export type Marker = Server.Wire<Server.TimelineMarker>;
export type Timeline = Server.Wire<Server.TimelineAnswer>;
export type Replicas = Server.Wire<Server.ReplicasAnswer>;
export type Replica = Server.Wire<Server.ReplicaStatus>;
export type Leader = Replicas['leaders'][number];
export type Doctor = Server.Wire<Server.DoctorAnswer>;
export type Meta = Server.Wire<Server.DashboardMeta>;
export type Outcome = Server.Wire<SignalOutcome>;

/** A run of a job in the strip of its last ticks. */
export type Tick = Server.Wire<JobTickRecord>;
export type Job = Server.Wire<JobStatus> & { readonly ticks: readonly Tick[] };
export type Jobs = Server.DashboardAnswer<Job>;
