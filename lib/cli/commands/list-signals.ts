import type { PgActivity } from '../../inspection/pg-activity.js';
import type { BlockedPgLock, PgLock } from '../../inspection/pg-lock.js';
import type { SignalOutcome } from '../../inspection/signal-outcome.js';
import { CliError, EXIT } from '../exit.js';
import { print, printJson, say, type Io } from '../io.js';
import type { CliInspection } from '../open-inspection.js';
import { confirmed } from './confirm.js';
import type { ListPlan } from './list-options.js';

const DONE: ReadonlySet<string> = new Set(['terminated', 'cancelled', 'gone', 'dryRun']);

/** Asks, and signals whom the plan means. @returns the exit code. @internal */
export async function signal(
  io: Io,
  inspection: CliInspection,
  plan: ListPlan,
  draw: (io: Io, rows: readonly PgLock[], plan: ListPlan) => void,
): Promise<number> {
  assertNarrow(plan);
  const { locks, blocked } = inspection;
  const rows: readonly PgLock[] = await (plan.blocking ? blocked.find(plan.query) : locks.find(plan.query));
  const sessions = sessionsOf(rows, plan.blocking);
  const verb = plan.action === 'cancel' ? 'cancel' : 'terminate';
  const what = plan.blocking ? 'blocking session' : 'session';
  if (sessions.length === 0) {
    say(io, `There is no ${what} to ${verb}.`);
    return EXIT.refused;
  }
  if (!plan.dryRun && !plan.yes) {
    if (!plan.json) draw(io, rows, plan);
    const question = `${verb === 'cancel' ? 'Cancel' : 'Terminate'} ${sessions.length} ${what}${sessions.length === 1 ? '' : 's'}?`;
    if (!(await confirmed(io, question))) return EXIT.refused;
  }
  const outcomes = await send(inspection, plan, verb, sessions);
  report(io, outcomes, plan);
  return outcomes.every(({ outcome }) => DONE.has(outcome)) ? EXIT.done : EXIT.refused;
}

/** Blockers are few anyway; of all locks there must be a choice. */
function assertNarrow({ blocking, action, query: { on, ids, pids, where, filters } }: ListPlan): void {
  if (blocking || [on, ids, pids, where, filters].some((part) => part !== undefined)) return;
  throw new CliError(
    EXIT.usage,
    `--${action ?? ''} would mean every session of the database: give process ids, --filter, --on or --id, or --blocking.`,
  );
}

/** Exactly those that were shown: later ones were not confirmed. */
function send(
  { locks, blocked }: CliInspection,
  { blocking, query, dryRun }: ListPlan,
  verb: 'cancel' | 'terminate',
  sessions: readonly PgActivity[],
): Promise<readonly SignalOutcome[]> {
  const narrowed = { ...query, sessions, dryRun };
  if (blocking)
    return verb === 'cancel'
      ? blocked.cancelBlockingActivity(narrowed)
      : blocked.terminateBlockingActivity(narrowed);
  return verb === 'cancel' ? locks.cancelActivity(narrowed) : locks.terminateActivity(narrowed);
}

function sessionsOf(rows: readonly PgLock[], blocking: boolean): PgActivity[] {
  const activities = rows.map((row) => (blocking ? (row as BlockedPgLock).blockingActivity : row.activity));
  return [
    ...new Map(activities.map((activity) => [`${activity.pid} ${activity.query ?? ''}`, activity])).values(),
  ];
}

function report(io: Io, outcomes: readonly SignalOutcome[], { json }: ListPlan): void {
  const lines = outcomes.map(({ pid, action, outcome, reason }) => ({ pid, action, outcome, reason }));
  if (json) return printJson(io, lines);
  print(
    io,
    lines.map(({ pid, outcome, reason }) => `${pid}  ${outcome}${reason === null ? '' : `: ${reason}`}`),
  );
}
