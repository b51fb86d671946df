import { createCore } from '../../core/pg-lock-core.js';
import type { ToldReport } from '../../core/lock-reports.js';
import type { PgLock } from '../../inspection/pg-lock.js';
import { resolveOptions } from '../../options/resolve-options.js';
import { rolesOf } from '../../sql/inspection-doctor.js';
import { LockKey } from '../../vocabulary/lock-id.js';
import { isLockSession } from '../../vocabulary/lock-session-name.js';
import type { CliInspection } from '../open-inspection.js';

/** A lock of a listing; `heldSince` where the process that holds it has said so. @internal */
export interface DatedLock extends PgLock {
  /** Null where it is not known: of locks that no process of this library holds, and where that has not answered. */
  readonly heldSince: Date | null;
}

/** A listing does not wait for longer than this for those who hold. */
const WITHIN = '1s' as const;

/**
 * Puts to the locks of this library since when they are held, and by which id: the server does not know it, and the processes that
 * hold them are asked. Where none can be asked, as through a pooler or on a replica, it is not known.
 *
 * @internal
 */
export async function dated(
  { database, observer }: CliInspection,
  rows: readonly PgLock[],
): Promise<readonly DatedLock[]> {
  const own = rows.filter(isOwn);
  const told = own.length === 0 ? [] : await reports(database, own).catch(() => []);
  const roles = await rolesBehind(observer, told);
  const believed = own.flatMap((row) => reportOn(row, told, roles) ?? []);
  const names = new Map(believed.map(({ key, name }) => [key, name]));
  return rows.map((row) => ({
    ...row,
    // Those who wait for it wait for the same.
    advisoryId: row.advisoryId ?? names.get(keyOf(row)) ?? null,
    heldSince: heldSince(row, told, roles),
  }));
}

/**
 * Has the processes that hold locks of this library tell their ids, which are shown from then on. Sends nothing to them where all
 * are known.
 *
 * @internal
 */
export async function learnIds({ database, observer, locks, names }: CliInspection): Promise<void> {
  const rows = await locks.find({ where: { type: 'ADVISORY' } });
  const unnamed = rows.filter((row) => isOwn(row) && row.advisoryId === null);
  if (unnamed.length === 0) return;
  const told = await reports(database, unnamed).catch(() => []);
  const roles = await rolesBehind(observer, told);
  for (const row of unnamed) {
    const name = reportOn(row, told, roles)?.name;
    if (name !== undefined && row.advisoryKey !== null)
      names.call(LockKey.ofAdvisoryKey(row.advisoryKey), name);
  }
}

function isOwn({ advisoryKey, granted, activity }: PgLock): boolean {
  return granted && advisoryKey !== null && isLockSession(activity.applicationName);
}

async function reports(
  { connection, namespace }: CliInspection['database'],
  rows: readonly PgLock[],
): Promise<readonly ToldReport[]> {
  const sessions = { connectTimeout: WITHIN };
  const core = createCore(resolveOptions({ connection, namespace, sessions, shutdown: { timeout: WITHIN } }));
  try {
    await core.advisory.ping();
    return await core.lockReports.findOf([...new Set(rows.map(keyOf))]);
  } finally {
    await core.close();
  }
}

/** The roles of the backends that speak and that are spoken of, by pid. */
async function rolesBehind(
  observer: CliInspection['observer'],
  told: readonly ToldReport[],
): Promise<ReadonlyMap<number, string>> {
  if (told.length === 0) return new Map();
  const pids = [...new Set(told.flatMap(({ pid, speaker }) => [pid, speaker]))];
  const rows = await observer.query<{ pid: string; role: string }>(rolesOf(pids));
  return new Map(rows.map(({ pid, role }) => [Number(pid), role]));
}

/** @internal */
export function heldSince(
  row: PgLock,
  told: readonly ToldReport[],
  roles: ReadonlyMap<number, string>,
): Date | null {
  const report = reportOn(row, told, roles);
  if (report === undefined) return null;
  const { backendStart } = row.activity;
  // The session is older than what it holds.
  return backendStart !== null && report.since < backendStart ? backendStart : report.since;
}

/** Every client that can connect can answer: what it says about the backend of another role is not believed. */
function reportOn(
  row: PgLock,
  told: readonly ToldReport[],
  roles: ReadonlyMap<number, string>,
): ToldReport | undefined {
  if (!isOwn(row)) return undefined;
  const { pid } = row.activity;
  return told.find((one) => one.pid === pid && one.key === keyOf(row) && isOfOneRole(one, roles));
}

function isOfOneRole({ pid, speaker }: ToldReport, roles: ReadonlyMap<number, string>): boolean {
  const role = roles.get(speaker);
  return role !== undefined && role === roles.get(pid);
}

function keyOf({ advisoryKey }: PgLock): string {
  return advisoryKey === null ? '' : LockKey.ofAdvisoryKey(advisoryKey).text;
}
