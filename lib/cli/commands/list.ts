import type { PgActivity } from '../../inspection/pg-activity.js';
import type { BlockedPgLock, PgLock } from '../../inspection/pg-lock.js';
import type { SignalOutcome } from '../../inspection/signal-outcome.js';
import { CliError, EXIT } from '../exit.js';
import { print, printJson, say, type Io } from '../io.js';
import { readSettings, withInspection, type CliInspection } from '../open-inspection.js';
import { paintFor } from '../render/paint.js';
import { expanded, table } from '../render/listing.js';
import { valueAt } from '../render/value.js';
import { confirmed } from './confirm.js';
import { planListing, type ListFlags, type ListPlan } from './list-options.js';

/** `pglock [pids…]`: lists locks, and cancels or terminates the sessions found. @returns the exit code. @internal */
export async function list(io: Io, pids: readonly string[], flags: ListFlags): Promise<number> {
  const settings = await readSettings(io, flags);
  const plan = planListing(pids, flags, settings.saved, settings.config);
  return withInspection(settings, plan.ids, (inspection) =>
    plan.action === undefined ? show(io, inspection, plan) : signal(io, inspection, plan),
  );
}

async function show(io: Io, inspection: CliInspection, plan: ListPlan): Promise<number> {
  const rows = await find(inspection, { ...plan, query: { ...plan.query, limit: plan.limit } });
  draw(io, rows, plan);
  return EXIT.done;
}

function find({ locks, blocked }: CliInspection, { blocking, query }: ListPlan): Promise<readonly PgLock[]> {
  return blocking ? blocked.find(query) : locks.find(query);
}

function draw(io: Io, rows: readonly PgLock[], plan: ListPlan): void {
  if (plan.json)
    return printJson(io, plan.chosen === undefined ? rows : rows.map((row) => picked(row, plan.attributes)));
  const columns = io.stdout.isTTY ? io.stdout.columns : undefined;
  const options = { attributes: plan.attributes, paint: paintFor(io), columns };
  if (rows.length === 0) return say(io, plan.blocking ? 'Nobody is blocked.' : 'No locks match.');
  print(io, plan.expanded ? expanded(rows, options) : table(rows, options));
}

/** Only the attributes that were asked for, where they are in the whole. */
function picked(row: object, attributes: readonly string[]): object {
  const result: Record<string, unknown> = {};
  for (const path of attributes) {
    const [first = '', second] = path.split('.');
    if (second === undefined) result[first] = valueAt(row, path);
    else result[first] = { ...(result[first] as object | undefined), [second]: valueAt(row, path) };
  }
  return result;
}

async function signal(io: Io, inspection: CliInspection, plan: ListPlan): Promise<number> {
  assertNarrow(plan);
  const rows = await find(inspection, plan);
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

const DONE: ReadonlySet<string> = new Set(['terminated', 'cancelled', 'gone', 'dryRun']);

/** Who is in the way is some anyway; of all locks there must be a choice. */
function assertNarrow({ blocking, action, query: { on, ids, pids, where, filters } }: ListPlan): void {
  if (blocking || [on, ids, pids, where, filters].some((part) => part !== undefined)) return;
  throw new CliError(
    EXIT.usage,
    `--${action ?? ''} would mean every session of the database: give process ids, --filter, --on or --id, or --blocking.`,
  );
}

/** Exactly those that were shown: whoever came meanwhile was not agreed to. */
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
