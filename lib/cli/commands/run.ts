import { randomBytes } from 'node:crypto';
import { LockNotAvailableError } from '../../errors/lock-not-available.error.js';
import type { LockHandle } from '../../locks/lock-handle.js';
import { createCore } from '../../core/pg-lock-core.js';
import { resolveOptions } from '../../options/resolve-options.js';
import type { Duration } from '../../vocabulary/duration.js';
import { durationMs, positiveDurationMs } from '../../vocabulary/duration.js';
import type { ListedLockId, LockId } from '../../vocabulary/lock-id.js';
import { lockIdOf } from '../../vocabulary/lock-key-text.js';
import { oneLine } from '../../vocabulary/one-line.js';
import type { PgLockEvent } from '../../vocabulary/pg-lock-event.js';
import { CliError, EXIT, lineOf } from '../exit.js';
import { say, type Io } from '../io.js';
import { readSettings, withInspection, type CliInspection, type WhereToLook } from '../open-inspection.js';
import { spawnForwarding } from '../run/child.js';
import { childEnvironment } from '../run/environment.js';
import { prioritizeBackends } from '../run/prioritize-backends.js';
import { WaitingNotice } from '../run/waiting-notice.js';

/** The options of `pglock run` as they are typed. @internal */
export interface RunFlags extends WhereToLook {
  readonly id?: readonly string[];
  readonly timeout?: string;
  readonly lockTimeout?: string;
  readonly prioritize?: boolean;
  readonly interval?: string;
  readonly cancel?: boolean;
  readonly dryRun?: boolean;
  readonly onLost?: 'go-on' | 'stop';
}

/** What is to be done, checked. */
interface RunPlan {
  readonly words: readonly string[];
  readonly ids: readonly LockId[];
  readonly timeoutMs: number | null;
  readonly lockTimeoutMs: number | undefined;
  readonly prioritize: boolean;
  readonly intervalMs: number;
  readonly cancel: boolean;
  readonly dryRun: boolean;
  readonly stopOnLoss: boolean;
}

/**
 * `pglock run -- COMMAND…`: runs a command under an advisory lock, and clears away who blocks it.
 *
 * @returns the command's own exit code (128 and the signal's number where a signal ended it), 1 when the lock was not acquired,
 * or 4 when the command ended with 0 and the lock had been lost meanwhile.
 * @internal
 */
export async function run(io: Io, words: readonly string[], flags: RunFlags): Promise<number> {
  const plan = planOf(words, flags);
  const settings = await readSettings(io, flags);
  const child = new AbortController();
  const interrupt = (signal: NodeJS.Signals) => {
    child.abort(signal);
  };
  // Until the command runs, a signal ends the wait; from then on the command gets it.
  for (const signal of STOPPING) process.once(signal, interrupt);
  try {
    return await withInspection(settings, plan.ids, (inspection) =>
      underLocks(io, inspection, plan, child.signal),
    );
  } finally {
    for (const signal of STOPPING) process.off(signal, interrupt);
  }
}

const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function planOf(words: readonly string[], flags: RunFlags): RunPlan {
  return {
    words,
    ids: (flags.id ?? []).map(lockIdOf),
    timeoutMs: flags.timeout === undefined ? null : durationMs(typed(flags.timeout), '--timeout'),
    lockTimeoutMs:
      flags.lockTimeout === undefined
        ? undefined
        : positiveDurationMs(typed(flags.lockTimeout), '--lock-timeout'),
    prioritize: flags.prioritize ?? flags.cancel ?? false,
    intervalMs: positiveDurationMs(typed(flags.interval ?? '1s'), '--interval'),
    cancel: flags.cancel ?? false,
    dryRun: flags.dryRun ?? false,
    stopOnLoss: flags.onLost === 'stop',
  };
}

/** A figure alone means milliseconds, as everywhere. */
function typed(text: string): Duration {
  return (/^\d+$/.test(text) ? Number(text) : text) as Duration;
}

async function underLocks(
  io: Io,
  inspection: CliInspection,
  plan: RunPlan,
  stop: AbortSignal,
): Promise<number> {
  if (plan.ids.length === 0) return runCommand(io, inspection, plan, stop, undefined);
  const { connection, namespace } = inspection.database;
  const core = createCore(resolveOptions({ ...(connection === undefined ? {} : { connection }), namespace }));
  core.events.on('lockLost', ({ error }) => {
    say(io, `pglock: the lock is lost while the command runs: ${lineOf(error)}`);
  });
  const options = { timeout: plan.timeoutMs, signal: stop };
  const notice = new WaitingNotice(io, inspection, plan.ids);
  const work = async (lock: LockHandle) => {
    notice.acquired();
    const code = await runCommand(io, inspection, plan, stop, lock.signal);
    return code === EXIT.done && lock.signal.aborted ? EXIT.lockLost : code;
  };
  try {
    return await core.service.advisory(idsOf(plan), options, work);
  } catch (error) {
    if (stop.aborted) return 128 + numberOf(stop.reason);
    if (error instanceof LockNotAvailableError)
      throw new CliError(EXIT.refused, await notice.refusal(plan.timeoutMs ?? 0), { cause: error });
    throw error;
  } finally {
    notice.end();
    await core.close();
  }
}

function numberOf(signal: unknown): number {
  return { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }[String(signal)] ?? 0;
}

async function runCommand(
  io: Io,
  inspection: CliInspection,
  plan: RunPlan,
  stop: AbortSignal,
  lost: AbortSignal | undefined,
): Promise<number> {
  if (stop.aborted) return 128 + numberOf(stop.reason);
  const name = `pglock-run-${randomBytes(6).toString('hex')}`;
  const env = childEnvironment(io.env, name, plan.lockTimeoutMs);
  const start = (): Promise<number> => {
    const child = spawnForwarding(plan.words, env, io);
    if (!plan.stopOnLoss || lost === undefined) return child.exit;
    const end = () => child.stop();
    if (lost.aborted) end();
    lost.addEventListener('abort', end, { once: true });
    return child.exit.finally(() => lost.removeEventListener('abort', end));
  };
  if (!plan.prioritize) return start();
  const { intervalMs, cancel, dryRun } = plan;
  const report = (event: PgLockEvent) => {
    const line = blockerLine(event);
    if (line !== undefined) say(io, line);
  };
  return prioritizeBackends(inspection, name, { intervalMs, cancel, dryRun, report }, start);
}

/** Whom it ended, or left alone and why. */
function blockerLine(event: PgLockEvent): string | undefined {
  if (event.type === 'prioritizeFailed') return `pglock: looking for blockers failed: ${lineOf(event.error)}`;
  if (event.type !== 'blockerSignalled') return undefined;
  const { pid, outcome, reason, applicationName, user, state, query } = event;
  const who = [applicationName, user].map((part) => oneLine(part ?? '')).filter(Boolean);
  const what = [oneLine(state ?? ''), oneLine(query ?? '')].filter(Boolean).join(': ');
  const because = reason === null ? '' : `, ${reason}`;
  return `pglock: backend ${pid}: ${outcome}${because} (${[...who, what].filter(Boolean).join(', ')})`;
}

function idsOf({ ids: [first, ...others] }: RunPlan): LockId | readonly ListedLockId[] {
  return others.length === 0 ? (first as LockId) : [first as LockId, ...others].map(listed);
}

/** The same key: a plain number in a list could be the half of a pair. */
function listed(id: LockId): ListedLockId {
  return typeof id === 'number' ? BigInt(id) : id;
}
