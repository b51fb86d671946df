import { HELD_SINCE, listedAttributes } from '../../inspection/listed-attributes.js';
import type { PgLock } from '../../inspection/pg-lock.js';
import type { LockSurvey } from '../../inspection/survey.js';
import { EXIT } from '../exit.js';
import { print, printJson, say, type Io } from '../io.js';
import { readSettings, withInspection, type CliInspection } from '../open-inspection.js';
import { attributeColumn } from '../render/attribute-column.js';
import type { Column, StatementColumn } from '../render/column.js';
import { expanded, table } from '../render/listing.js';
import {
  ADVISORY_COLUMNS,
  BLOCKING_COLUMNS,
  BLOCKING_STATEMENTS,
  LIST_COLUMNS,
  STATEMENT,
} from '../render/lock-columns.js';
import { paintFor } from '../render/paint.js';
import { valueAt } from '../render/value.js';
import { assertTables } from './known-tables.js';
import { planListing, type ListFlags, type ListPlan } from './list-options.js';
import { dated } from './held-since.js';
import { hiddenLine } from './hidden-sessions.js';
import { signal } from './list-signals.js';

/** `pglock [pids…]`: lists locks, and cancels or terminates the sessions found. @returns the exit code. @internal */
export async function list(io: Io, pids: readonly string[], flags: ListFlags): Promise<number> {
  const settings = await readSettings(io, flags);
  const plan = planListing(pids, flags, settings.saved, settings.config);
  return withInspection(settings, plan.ids, async (inspection) => {
    await assertTables(inspection, plan.query);
    return plan.action === undefined ? show(io, inspection, plan) : signal(io, inspection, plan, draw);
  });
}

async function show(io: Io, inspection: CliInspection, plan: ListPlan): Promise<number> {
  const found = await survey(inspection, { ...plan, query: { ...plan.query, limit: plan.limit } });
  draw(io, showsSince(plan) ? await dated(inspection, found.rows) : found.rows, plan);
  if (plan.json) return EXIT.done;
  if (found.total > found.rows.length) say(io, `${found.rows.length} of ${found.total}, --limit for more.`);
  const hidden = await hiddenLine(inspection, found.hiddenSessions);
  if (hidden !== undefined) say(io, hidden);
  return EXIT.done;
}

/** Listings of ours show since when a lock is held, those of chosen columns where that is one of them. */
function showsSince({ blocking, chosen, usual, expanded, json }: ListPlan): boolean {
  if (blocking) return false;
  const attributes = chosen ?? (expanded || json ? undefined : usual);
  return attributes?.includes(HELD_SINCE) ?? true;
}

function survey(
  { locks, blocked }: CliInspection,
  { blocking, query, ownXacts }: ListPlan,
): Promise<LockSurvey<PgLock>> {
  return blocking ? blocked.survey(query, { ownXacts }) : locks.survey(query, { ownXacts });
}

function draw(io: Io, rows: readonly PgLock[], plan: ListPlan): void {
  if (plan.json)
    return printJson(
      io,
      plan.chosen === undefined ? rows : rows.map((row) => picked(row, plan.chosen ?? [])),
    );
  if (rows.length === 0) return say(io, plan.blocking ? 'No session is blocked.' : 'No locks match.');
  const width = io.stdout.isTTY ? io.stdout.columns : undefined;
  const paint = paintFor(io);
  if (plan.expanded) {
    const attributes = plan.chosen ?? listedAttributes(plan.blocking ? 'blocked' : 'locks');
    return print(io, expanded(rows, { attributes, paint, width, all: plan.chosen !== undefined }));
  }
  print(io, table(rows, { ...columnsFor(rows, plan), paint, width }));
}

function columnsFor(
  rows: readonly PgLock[],
  { chosen, usual, blocking }: ListPlan,
): { readonly columns: readonly Column[]; readonly statements?: readonly StatementColumn[] } {
  const attributes = chosen ?? usual;
  if (attributes !== undefined) return { columns: attributes.map(attributeColumn) };
  if (blocking) return { columns: BLOCKING_COLUMNS, statements: BLOCKING_STATEMENTS };
  const advisory = rows.every(({ type }) => type === 'ADVISORY');
  return { columns: advisory ? ADVISORY_COLUMNS : LIST_COLUMNS, statements: [STATEMENT] };
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
