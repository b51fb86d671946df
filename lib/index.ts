export { PgLockModule } from './pg-lock.module.js';
export {
  PgLockService,
  type InTransactionOptions,
  type LockIds,
  type ThrowingOptions,
  type XactOptions,
} from './pg-lock.service.js';
export type { PgDriver } from './core/transaction-services.js';
export type { PgLockEvents } from './core/pg-lock-events.js';
export { getPgLockPoolToken, getPgLockToken, InjectPgLock, InjectPgLockPool } from './pg-lock.tokens.js';
export {
  DEFAULT_DATABASE_NAME,
  type AdvisoryDefaults,
  type JobsOptions,
  type LedgerOptions,
  type PgLockModuleExtras,
  type PgLockModuleOptions,
  type PgLockOptionsFactory,
  type PrioritizeDefaults,
  type SavedConfiguration,
  type ShutdownOptions,
} from './options/pg-lock-options.js';

export {
  AdvisoryLock,
  AdvisoryLockInterceptor,
  type AdvisoryLockInterceptorClass,
} from './nest/interceptors/advisory-lock.interceptor.js';
export { LockTimeout } from './nest/interceptors/lock-timeout.interceptor.js';
export { AttachContext, type AttachContextOptions } from './nest/interceptors/attach-context.interceptor.js';
export { Prioritize } from './nest/interceptors/prioritize.interceptor.js';
export {
  AdvisoryLockGuard,
  AdvisoryLockGuardBase,
  type AdvisoryLockGuardClass,
} from './nest/guards/advisory-lock.guard.js';
export { Leader, type LeaderMethod, type LeaderOptions } from './nest/decorators/leader.decorator.js';
export { NoAdvisoryLock } from './nest/decorators/no-advisory-lock.decorator.js';
export { CurrentTick } from './nest/decorators/current-tick.decorator.js';
export { CurrentLock } from './nest/decorators/current-lock.decorator.js';
export { WithAdvisoryLock, type MethodLockIds } from './nest/decorators/with-advisory-lock.decorator.js';
export { WithLockTimeout } from './nest/decorators/with-lock-timeout.decorator.js';
export { WithPrioritize } from './nest/decorators/with-prioritize.decorator.js';
export type { AsyncMethodDecorator } from './nest/decorators/wrap-method.js';
export type {
  AdvisoryLockHandlerOptions,
  ConnectionOption,
  PrioritizeHandlerOptions,
} from './nest/handler-options.js';
export {
  getPgLockHealthToken,
  PgLockHealthIndicator,
  type PgLockHealthOptions,
  type PgLockHealthResult,
} from './nest/health/pg-lock.health.js';
export type { HandlerLockIds } from './nest/lock-target-id.js';
export { LockedException } from './nest/exceptions/locked.exception.js';
export { LockNotAvailableFilter } from './nest/exceptions/lock-not-available.filter.js';

export type { JobOptions } from './jobs/job-settings.js';
export type { JobHolder, JobOutcome, JobRun, JobStatus } from './jobs/job-status.js';
export type { JobTick } from './jobs/job-tick.js';
export { PgLockJobs } from './jobs/pg-lock-jobs.js';
export type { WrappedJob, WrappedJobOptions, WrappedJobWork } from './jobs/wrapped-job.js';
export type { LeadBackOff, LeadOptions } from './leadership/lead-options.js';
export { Leaders } from './leadership/leaders.js';
export type { LeaderReplica, LeaderStatus } from './leadership/leader-status.js';
export type { Leadership } from './leadership/leadership.js';
export type { AdvisoryLockOptions, OnContention } from './locks/advisory-options.js';
export type { FencingToken, FencingTokenOptions } from './locks/fencing-token.js';
export type { LockHandle } from './locks/lock-handle.js';
export type { LockTimeoutOptions } from './locks/lock-timeout.js';
export type { ModelLockOptions } from './locks/model-lock.js';
export type { TransactionLockHandle } from './locks/xact-lock-handle.js';
export { BlockedPgLocks, type BlockingTreeOptions } from './inspection/blocked-pg-locks.js';
export type { BlockingTreeNode, HeldUp } from './inspection/blocking-tree.js';
export type { LockInspector } from './inspection/lock-inspector.js';
export type { BlockedLockQuery, LockQuery, SessionIdentity, SignalOptions } from './inspection/lock-query.js';
export type {
  BlockedPgLockWhere,
  Condition,
  EqualityOperators,
  OrderCondition,
  OrderOperators,
  PgActivityWhere,
  PgLockWhere,
  TextCondition,
  TextOperators,
} from './inspection/lock-where.js';
export type { AdvisoryName } from './inspection/names/advisory-name.js';
export { registerAdvisoryNames, type AdvisoryNameRegistration } from './inspection/names/registered-names.js';
export type { LockOrder, LockOrderObject, SortDirection } from './inspection/order-by.js';
export type { PgActivity } from './inspection/pg-activity.js';
export type { BlockedPgLock, PgLock, PgLockMode, PgLockType, PgRelationKind } from './inspection/pg-lock.js';
export { PgLocks } from './inspection/pg-locks.js';
export type { QueryContext } from './inspection/query-context.js';
export type { SignalOutcome } from './inspection/signal-outcome.js';
export type { SignalAction, SignalResult } from './vocabulary/signal.js';
export {
  BlockerRule,
  cancel,
  terminate,
  type OnBlocked,
  type OnBlockedFunction,
} from './prioritize/blocker-rule.js';
export type { PrioritizeOptions, PrioritizeReport } from './prioritize/prioritize-options.js';
export { StillBlockedError } from './prioritize/still-blocked.error.js';
export type { FlowContextValues } from './session/flow-context.js';
export type { HandlersOptions, TrustedCaller } from './options/handlers-options.js';
export type { PgLockConnection, SessionsOptions } from './session/session-options.js';
export { ISOLATION_LEVELS, type IsolationLevel } from './sql/transaction.js';
export type { JobFinishedMessage, JobMissedMessage, JobStartedMessage } from './telemetry/job-channels.js';
export type {
  BlockerSignalledMessage,
  LockAcquiredMessage,
  LockChannels,
  LockLostMessage,
  LockMessage,
  LockRefusedMessage,
  LockReleasedMessage,
  LockRequestedMessage,
  LockSource,
  ReleasedBeforeCommitMessage,
  LeaderElectedMessage,
  LeaderLostMessage,
  LeaderResignedMessage,
  PermitsDifferMessage,
  SessionEndedMessage,
} from './telemetry/lock-channels.js';
export type { LockStatus } from './telemetry/lock-status.js';
export type {
  OpenTelemetryApi,
  TelemetryAttributes,
  TelemetryCounter,
  TelemetryGauge,
  TelemetryHistogram,
  TelemetryInstrument,
  TelemetryMeter,
  TelemetryObservation,
  TelemetrySpan,
  TelemetryTracer,
} from './telemetry/open-telemetry-api.js';
export type { TelemetryOptions } from './telemetry/telemetry-options.js';
export type {
  DetectingTransactionAdapter,
  TransactionAdapter,
  TransactionRow,
} from './transaction/transaction-adapter.js';
export {
  registerTransactionResolver,
  type TransactionOption,
  type TransactionResolver,
} from './transaction/ambient-transaction.js';
export { registerTransactionAdapter } from './transaction/transaction-adapters.js';
export type { TransactionOptions } from './transaction/transactions.js';
export type { Duration } from './vocabulary/duration.js';
export { advisoryKey, type AdvisoryKey, type ListedLockId, type LockId } from './vocabulary/lock-id.js';
export { LOCK_MODES, type LockMode } from './vocabulary/lock-mode.js';
export type { LockTarget, NamedTable } from './vocabulary/lock-target.js';
export type {
  BlockerSignalledEvent,
  JobEvent,
  JobFinishedEvent,
  JobInterruptedEvent,
  JobTakenOverEvent,
  LeaderElectedEvent,
  LeaderLostEvent,
  LeaderResignedEvent,
  PermitsDifferEvent,
  LockLostEvent,
  PgLockEvent,
  PrioritizeFailedEvent,
  ReleasedBeforeCommitEvent,
  SelfWaitEvent,
  SessionEndedEvent,
  TickMissedEvent,
} from './vocabulary/pg-lock-event.js';

export { DeadlockError } from './errors/deadlock.error.js';
export { LockLostError } from './errors/lock-lost.error.js';
export {
  LockNotAvailableError,
  type LockHolder,
  type LockNotAvailableDetails,
} from './errors/lock-not-available.error.js';
export { LockSessionError } from './errors/lock-session.error.js';
export { LockTableBudgetError } from './errors/lock-table-budget.error.js';
export { LockTargetError } from './errors/lock-target.error.js';
export { PermissionError } from './errors/permission.error.js';
export { PgLockConfigurationError } from './errors/pg-lock-configuration.error.js';
export { PgLockError } from './errors/pg-lock.error.js';
export { PgLockUsageError } from './errors/pg-lock-usage.error.js';
export { PoolerError } from './errors/pooler.error.js';
export { PrioritizeError } from './errors/prioritize.error.js';
export { UnreadableAnswerError } from './errors/unreadable-answer.error.js';
export { ReadReplicaError } from './errors/read-replica.error.js';
export { ServerNotSupportedError } from './errors/server-not-supported.error.js';
export { TransactionStateError } from './errors/transaction-state.error.js';
