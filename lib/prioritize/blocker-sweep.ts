import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import { permissionError, readGrants } from '../inspection/grants.js';
import type { LockNames } from '../inspection/lock-names.js';
import type { Observer } from '../inspection/observer.js';
import { RowDecoder, type TextRow } from '../inspection/row-decoder.js';
import type { SignalOutcome } from '../inspection/signal-outcome.js';
import { OF_SUPERUSER, Signaller } from '../inspection/signaller.js';
import { findRows, type RowQuery } from '../sql/inspection-query.js';
import type { Predicate } from '../sql/inspection-predicate.js';
import type { BackendIdentity, SignalQuery } from '../sql/signal.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import { printable } from '../vocabulary/printable.js';
import { BlockerRule } from './blocker-rule.js';
import type { PrioritizedFlow } from './prioritized-flow.js';
import type { SignalAction } from '../vocabulary/signal.js';

/** What a sweep works with. @internal */
export interface BlockerSweepParts {
  readonly observer: Observer;
  readonly names: LockNames;
  readonly emit: EventSink;
}

/**
 * One look at the blockers of some flows. Flows of one rule are looked after in one statement, which finds,
 * checks and signals.
 *
 * @internal
 */
export class BlockerSweep {
  readonly #signaller: Signaller;

  constructor(
    private readonly parts: BlockerSweepParts,
    /** Everybody who is prioritized in this process: never to be signalled. */
    private readonly sparedPids: readonly number[],
    private readonly now: number,
  ) {
    this.#signaller = new Signaller(parts.observer, parts.names);
  }

  /** Looks after flows that have one rule in common. */
  async run(flows: readonly PrioritizedFlow[]): Promise<void> {
    const [first] = flows;
    if (first === undefined) return;
    const { onBlocked, escalateMs } = first.options;
    if (!(onBlocked instanceof BlockerRule)) return this.#ask(flows);
    const cancelled = flows.flatMap((flow) => flow.escalations(this.now));
    if (cancelled.length > 0) await this.#signal(flows, 'terminate', cancelled);
    await this.#signal(flows, escalateMs === undefined ? onBlocked.action : 'cancel');
  }

  /** Each flow is asked by itself, and does not keep the others waiting. */
  async #ask(flows: readonly PrioritizedFlow[]): Promise<void> {
    for (const flow of flows) {
      const { spared } = flow.options;
      const query = blockersOf([...flow.pids], spared.length === 0 ? [] : [{ op: 'not', of: spared }]);
      const version = await this.parts.observer.version();
      const rows = await this.parts.observer.query<TextRow>(findRows(query, version));
      const decoder = new RowDecoder(this.parts.names);
      flow.lastBlocked = Object.freeze(rows.map((row) => decoder.blockedLock(row)));
      if (rows.length === 0) continue;
      flow.busy = this.#obey(flow).finally(() => (flow.busy = undefined));
    }
  }

  async #obey(flow: PrioritizedFlow): Promise<void> {
    try {
      const wanted = pidsOf(await flow.ask?.(flow.lastBlocked));
      const only = flow.lastBlocked
        .filter(({ blockingActivityId }) => wanted.includes(blockingActivityId))
        .map(({ blockingActivity: { pid, backendStartText } }) => ({
          pid,
          backendStartText: backendStartText ?? '',
        }));
      if (only.length > 0) await this.#signal([flow], 'terminate', only);
    } catch (error) {
      flow.fail(error);
    }
  }

  async #signal(
    flows: readonly PrioritizedFlow[],
    action: SignalAction,
    only?: readonly BackendIdentity[],
  ): Promise<void> {
    const [{ where, spared, dryRun }] = flows.map(({ options }) => options) as [PrioritizedFlow['options']];
    // A session that is freed goes on, and may be given back, before the outcome is known.
    const served = flows.map((flow) => ({ flow, pids: new Set(flow.pids) }));
    const all = new Set(served.flatMap(({ pids }) => [...pids]));
    const query: SignalQuery = {
      ...blockersOf([...all], where),
      action,
      side: 'blockingActivity',
      sparedPids: this.sparedPids,
      spared,
      // The application has named these pids, or a database.
      otherDatabases: flows[0]?.ask !== undefined || where.some(namesDatabase),
      lockSessions: false,
      dryRun,
      ...(only === undefined ? {} : { only }),
    };
    const { outcomes, rows } = await this.#signaller.signal(query);
    const decoder = new RowDecoder(this.parts.names);
    const blocked = rows.map((row) => decoder.blockedLock(row));
    for (const { flow, pids } of served) {
      // A parallel worker waits under a pid of its own: what was done for it concerns all its workers.
      const concerning = outcomes.filter(({ activityIds }) =>
        activityIds.some((pid) => pids.has(pid) || !all.has(pid)),
      );
      if (only === undefined)
        flow.lastBlocked = blocked.filter((_, index) =>
          concerning.includes(outcomes[index] as SignalOutcome),
        );
      await this.#report(flow, concerning);
    }
  }

  async #report(flow: PrioritizedFlow, outcomes: readonly SignalOutcome[]): Promise<void> {
    const fresh = flow.notice(outcomes, this.now);
    for (const outcome of fresh) this.parts.emit(eventOf(outcome));
    const forbidden = fresh.filter(({ outcome }) => outcome === 'notPermitted');
    if (forbidden.length === 0) return;
    const ofSuperuser = forbidden.every(({ reason }) => reason === OF_SUPERUSER);
    const pids = forbidden.map(({ pid }) => pid);
    flow.fail(permissionError(await readGrants(this.parts.observer), pids, { ofSuperuser }));
  }
}

function namesDatabase(predicate: Predicate): boolean {
  return predicate.op === 'not'
    ? predicate.of.some(namesDatabase)
    : predicate.path === 'blockingActivity.database';
}

/** What a function of the caller returned. @throws {PgLockUsageError} when it is neither nothing nor pids. */
function pidsOf(returned: unknown): readonly number[] {
  if (returned === undefined || returned === null) return [];
  if (Array.isArray(returned) && returned.every(Number.isInteger)) return returned as number[];
  throw new PgLockUsageError(
    `onBlocked must return pids (a list of numbers) or nothing; got ${printable(returned)}.`,
  );
}

/** The roots of the queues in which these backends wait. */
function blockersOf(pids: readonly number[], predicates: readonly Predicate[]): RowQuery {
  return {
    source: 'blocked',
    on: [],
    keys: [],
    pids: undefined,
    predicates,
    orderBy: [],
    limit: undefined,
    allDatabases: true,
    rootsOf: pids,
  };
}

function eventOf({
  pid,
  action,
  outcome,
  reason,
  activity,
  activityIds,
}: SignalOutcome): Parameters<EventSink>[0] {
  return Object.freeze({
    type: 'blockerSignalled',
    pid,
    action,
    outcome,
    reason,
    applicationName: activity?.applicationName ?? null,
    user: activity?.user ?? null,
    state: activity?.state ?? null,
    query: activity?.query ?? null,
    activityIds,
  });
}
