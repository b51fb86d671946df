import { PrioritizeError } from '../../errors/prioritize.error.js';
import { cancel, terminate } from '../../prioritize/blocker-rule.js';
import { Prioritizer } from '../../prioritize/prioritizer.js';
import { connectorTo } from '../../session/connector.js';
import { FlowPids, type PidScope } from '../../session/flow-pids.js';
import { ObserverSession } from '../../session/observer-session.js';
import { backendsNamed } from '../../sql/inspection-doctor.js';
import type { EventSink } from '../../vocabulary/pg-lock-event.js';
import type { CliInspection } from '../open-inspection.js';

/** How blockers of a command are cleared away. @internal */
export interface PrioritizeBackendsOptions {
  readonly intervalMs: number;
  readonly cancel: boolean;
  readonly dryRun: boolean;
  readonly report: EventSink;
}

/**
 * Clears the way for all sessions that call themselves `applicationName`, as long as the work runs: they belong to another
 * process, so that they are looked for twice an interval.
 *
 * @internal
 */
export async function prioritizeBackends<T>(
  { database, observer }: CliInspection,
  applicationName: string,
  options: PrioritizeBackendsOptions,
  work: () => Promise<T>,
): Promise<T> {
  const flowPids = new FlowPids();
  const session = new ObserverSession(connectorTo(database.connection), { purpose: 'prioritize' });
  const prioritizer = new Prioritizer({
    name: 'cli',
    namespace: database.namespace,
    observer: session,
    names: { nameOf: () => undefined },
    emit: options.report,
    flowPids,
    fallbacks: {
      intervalMs: options.intervalMs,
      periodic: true,
      timeoutMs: undefined,
      escalateMs: undefined,
      protect: undefined,
      dryRun: options.dryRun,
    },
    pidOf: () => Promise.resolve(undefined),
    withTimeout: (_timeout, _given, run) => run(),
  });
  try {
    return await prioritizer.run({ onBlocked: options.cancel ? cancel() : terminate() }, () =>
      whileFollowing(flowPids.current, observer, applicationName, options.intervalMs / 2, work),
    );
  } catch (error) {
    // What the command came to is what counts; which blockers there were is told.
    if (!(error instanceof PrioritizeError) || error.work.status === 'rejected') throw error;
    options.report({ type: 'prioritizeFailed', error: error.cause as Error });
    return error.work.value as T;
  } finally {
    await prioritizer.close();
    await session.close();
  }
}

/** Keeps a scope filled with the backends of that name while work runs. */
async function whileFollowing<T>(
  scope: PidScope | undefined,
  observer: ObserverSession,
  applicationName: string,
  everyMs: number,
  work: () => Promise<T>,
): Promise<T> {
  const known = new Map<number, () => void>();
  let asking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const rows = await observer.query<{ pid: string }>(backendsNamed(applicationName)).catch(() => []);
    const now = new Set(rows.map(({ pid }) => Number(pid)));
    for (const pid of now) if (!known.has(pid)) known.set(pid, scope?.enter(pid) ?? nothing);
    for (const pid of [...known.keys()].filter((one) => !now.has(one))) {
      known.get(pid)?.();
      known.delete(pid);
    }
  };
  const timer = setInterval(() => {
    asking ??= look().finally(() => (asking = undefined));
  }, everyMs);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await asking;
  }
}

function nothing(): void {}
