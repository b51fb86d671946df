import type { LockMessage, LockRefusedMessage, LockSource } from './lock-channels.js';
import type { LockStatus } from './lock-status.js';
import type { TelemetryAttributes, TelemetryMeter, TelemetryObservation } from './open-telemetry-api.js';
import type { Reporter } from './reporter.js';

/** No ids: each id would make a time series of its own. */
function attributesOf({ database, scope, shared }: LockMessage): TelemetryAttributes {
  return { 'pglock.database': database, 'pglock.scope': scope, 'pglock.shared': shared };
}

/** What is known at any moment, and asked for when metrics are collected. */
const GAUGES = {
  'pglock.lock.waiters': ['Requests in line for a lock', '{request}', ({ waiting }) => waiting],
  'pglock.lock.held': ['Keys held at the server', '{lock}', ({ held }) => held],
  'pglock.lock.budget': ['The most keys that this process may hold', '{lock}', ({ budget }) => budget],
  'pglock.session.open': ['Open lock connections', '{connection}', ({ sessions }) => sessions],
} as const satisfies Record<string, readonly [string, string, (status: LockStatus) => number | null]>;

/** Seconds, from a lock that is free next to the server to a job of hours: OpenTelemetry's own bounds are meant for milliseconds. */
const BUCKETS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200,
];

function instruments(meter: TelemetryMeter) {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(name, { description, unit });
  const advice = { explicitBucketBoundaries: [...BUCKETS] };
  const histogram = (name: string, description: string) =>
    meter.createHistogram(name, { description, unit: 's', advice });
  return {
    attempts: counter('pglock.lock.attempts', '{lock}', 'Locks requested'),
    acquired: counter('pglock.lock.acquired', '{lock}', 'Locks acquired'),
    refused: counter('pglock.lock.refused', '{lock}', 'Locks not acquired, by reason'),
    lost: counter('pglock.lock.lost', '{lock}', 'Locks lost while their holder still worked'),
    waits: histogram('pglock.lock.wait.duration', 'Time from requesting a lock to acquiring it, or not'),
    holds: histogram('pglock.lock.hold.duration', 'Time from acquiring a lock to releasing it'),
    signals: counter('pglock.signals', '{session}', 'Blockers of prioritized work, by what became of them'),
    ended: counter('pglock.session.ended', '{connection}', 'Lock connections that ended by themselves'),
  };
}

/** Counts and measures what is said on the channels. @internal */
export function lockMetrics(meter: TelemetryMeter): Reporter {
  const { attempts, acquired, refused, lost, waits, holds, signals, ended } = instruments(meter);
  const refusal = (message: LockRefusedMessage) => ({
    ...attributesOf(message),
    'pglock.reason': message.reason,
  });
  return {
    'nestjs-pglock:requested': (message) => attempts.add(1, attributesOf(message)),
    'nestjs-pglock:acquired': (message) => {
      acquired.add(1, attributesOf(message));
      waits.record(message.waitedMs / 1000, { ...attributesOf(message), 'pglock.outcome': 'acquired' });
    },
    'nestjs-pglock:refused': (message) => {
      refused.add(1, refusal(message));
      waits.record(message.waitedMs / 1000, { ...attributesOf(message), 'pglock.outcome': 'refused' });
    },
    'nestjs-pglock:released': (message) => holds.record(message.heldMs / 1000, attributesOf(message)),
    'nestjs-pglock:lost': (message) => {
      lost.add(1, attributesOf(message));
      holds.record(message.heldMs / 1000, attributesOf(message));
    },
    'nestjs-pglock:signalled': ({ database, action, outcome }) =>
      signals.add(1, {
        'pglock.database': database,
        'pglock.action': action,
        'pglock.outcome': outcome,
      }),
    'nestjs-pglock:session-ended': ({ database }) => ended.add(1, { 'pglock.database': database }),
    ...jobMetrics(meter),
    ...leaderMetrics(meter),
  };
}

/** Counts and measures runs of jobs, by job: there are few, and they have names. */
function jobMetrics(meter: TelemetryMeter): Reporter {
  const runs = meter.createCounter('pglock.job.runs', { description: 'Runs of jobs, by job and outcome' });
  const missed = meter.createCounter('pglock.job.missed', {
    description: 'Ticks whose time ended before any replica ran them, by job',
  });
  const took = meter.createHistogram('pglock.job.duration', {
    description: 'How long runs of jobs took',
    unit: 's',
  });
  const late = meter.createHistogram('pglock.job.late', {
    description: 'How late runs of jobs began',
    unit: 's',
  });
  return {
    'nestjs-pglock:job-finished': ({ database, job, outcome, durationMs, lateMs }) => {
      const attributes = { 'pglock.database': database, 'pglock.job': job, 'pglock.outcome': outcome };
      runs.add(1, attributes);
      took.record(durationMs / 1000, attributes);
      late.record(lateMs / 1000, attributes);
    },
    'nestjs-pglock:job-missed': ({ database, job }) =>
      missed.add(1, { 'pglock.database': database, 'pglock.job': job }),
  };
}

/** Counts terms of leaders, by what is led: there are few, and they have names. */
function leaderMetrics(meter: TelemetryMeter): Reporter {
  const begun = meter.createCounter('pglock.leader.elected', {
    description: 'Terms that this process has begun to lead, by name',
    unit: '{term}',
  });
  const ended = meter.createCounter('pglock.leader.ended', {
    description: 'Terms of this process that have ended, by name and reason',
    unit: '{term}',
  });
  const attributes = ({ database, name }: LockSource & { readonly name: string }) => ({
    'pglock.database': database,
    'pglock.leader': name,
  });
  return {
    'nestjs-pglock:leader-elected': (term) => begun.add(1, attributes(term)),
    'nestjs-pglock:leader-resigned': (term) =>
      ended.add(1, { ...attributes(term), 'pglock.reason': term.reason }),
    'nestjs-pglock:leader-lost': (term) => ended.add(1, { ...attributes(term), 'pglock.reason': 'lost' }),
  };
}

/** Reads the status at each collection, until the function that it returns is called. @internal */
export function lockGauges(
  meter: TelemetryMeter,
  { database }: LockSource,
  status: () => LockStatus,
): () => void {
  const attributes = { 'pglock.database': database };
  const stops = Object.entries(GAUGES).map(([name, [description, unit, read]]) => {
    const gauge = meter.createObservableGauge(name, { description, unit });
    const observe = (observation: TelemetryObservation): void => {
      const value = read(status());
      if (value !== null) observation.observe(value, attributes);
    };
    gauge.addCallback(observe);
    return () => gauge.removeCallback(observe);
  });
  return () => {
    for (const stop of stops) stop();
  };
}
