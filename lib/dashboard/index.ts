export { PgLockDashboardModule } from './pg-lock-dashboard.module.js';
export type {
  AuthorizeDashboard,
  PgLockDashboardOptions,
  PgLockDashboardOptionsFactory,
} from './dashboard-options.js';
export type {
  BlockerRecord,
  DashboardAnswer,
  DashboardLock,
  DashboardMeta,
  DoctorAnswer,
  LockLabel,
  LocksAnswer,
  NowAnswer,
  ReplicasAnswer,
  ReplicaStatus,
  TimelineAnswer,
  TimelineItem,
  TimelineMarker,
  WaitRecord,
  Wire,
} from './wire.js';
