import type { PgLockConnection } from '../../session/session-options.js';
import { connectorTo } from '../../session/connector.js';
import { PREPARE_LIVE, readLiveRelations, type LiveRow } from '../../sql/explain-live.js';
import { begin, ROLLBACK } from '../../sql/transaction.js';
import type { LockMode } from '../../vocabulary/lock-mode.js';
import { conflictsOf, isAtLeast, isStronger, modeFromCatalog } from '../observe/lock-strength.js';
import { partsOf } from '../observe/relation-names.js';
import type { LiveRelation, LiveSession } from '../report.js';
import type { ObservedStatement } from '../run/observed-statement.js';
import { ExplainSession } from '../run/explain-session.js';
import { verdictOf } from './verdict.js';

/**
 * Reads what would conflict on the live database, in one read-only transaction with a `statement_timeout`, and runs nothing
 * there.
 *
 * @internal
 */
export async function readLive(
  live: PgLockConnection,
  observed: readonly ObservedStatement[],
  signal?: AbortSignal,
): Promise<readonly LiveRelation[]> {
  const wanted = [...strongestLocks(observed)];
  if (wanted.length === 0) return [];
  const session = await ExplainSession.open(connectorTo(live), signal);
  try {
    await session.query(begin({ readOnly: true }));
    await session.query(PREPARE_LIVE);
    const targets = wanted.map(([relation, mode]) => ({
      ...partsOf(relation),
      conflicting: conflictsOf(mode),
    }));
    const rows = await session.query<LiveRow>(readLiveRelations(targets));
    await session.query(ROLLBACK);
    const byPosition = new Map(rows.map((row) => [Number(row.position), row]));
    return wanted.map(([relation, mode], index) => liveRelation(relation, mode, byPosition.get(index + 1)));
  } finally {
    await session.close();
  }
}

/** Of each relation that is there before the run, the strongest mode; indexes only where they are what is locked. */
function strongestLocks(observed: readonly ObservedStatement[]): ReadonlyMap<string, LockMode> {
  const strongest = new Map<string, LockMode>();
  for (const { locks } of observed)
    for (const { relation, kind, mode, created } of locks) {
      if (created || (kind.endsWith('index') && !isAtLeast(mode, 'SHARE'))) continue;
      if (isStronger(mode, strongest.get(relation))) strongest.set(relation, mode);
    }
  return new Map([...strongest].sort(([, a], [, b]) => (a === b ? 0 : isStronger(a, b) ? -1 : 1)));
}

function liveRelation(relation: string, mode: LockMode, row: LiveRow | undefined): LiveRelation {
  const number = (text: string | null | undefined) =>
    text === null || text === undefined ? null : Number(text);
  const rate = number(row?.scanspersecond);
  const facts = {
    relation,
    mode,
    bytes: number(row?.bytes),
    rows: number(row?.rows),
    scansPerSecond: rate === null ? null : Math.round(rate * 100) / 100,
    oldestXactAgeMs: number(row?.oldest),
    wraparoundVacuum: row?.wraparound === 'true',
    conflicting: sessionsOf(row?.sessions ?? null),
  };
  return { ...facts, verdict: verdictOf(facts) };
}

function sessionsOf(text: string | null): LiveSession[] {
  const rows = JSON.parse(text ?? '[]') as (Omit<LiveSession, 'mode'> & {
    readonly mode: string;
    readonly granted: boolean;
  })[];
  return rows.flatMap(({ granted: _granted, mode, ...session }) => {
    const known = modeFromCatalog(mode);
    return known === undefined ? [] : [{ ...session, mode: known }];
  });
}
