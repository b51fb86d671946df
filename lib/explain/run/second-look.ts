import type { RelationCatalog } from '../observe/relation-catalog.js';
import { isStronger } from '../observe/lock-strength.js';
import type { ExplainedLock } from '../report.js';
import { isTransactionMode, statementKind } from '../split/statement-kind.js';
import { sqlWords } from '../split/sql-words.js';
import type { ExplainSession } from './explain-session.js';
import { FileTransaction } from './file-transaction.js';
import type { ObservedStatement } from './observed-statement.js';

/**
 * Runs once more, alone and rolled back as well, the transactions whose locks were hidden by those of the transactions before them.
 * One that needs what those did fails then, and what is known of it stays in part.
 *
 * @internal
 */
export async function secondLook(
  session: ExplainSession,
  catalog: RelationCatalog,
  observed: readonly ObservedStatement[],
  signal: AbortSignal | undefined,
): Promise<readonly ObservedStatement[]> {
  const seen = [...observed];
  for (const number of new Set(observed.filter(isHidden).map(({ transaction }) => transaction))) {
    signal?.throwIfAborted();
    const own = observed.filter(({ transaction }) => transaction === number);
    if (own.some(({ carriedOut }) => carriedOut)) continue;
    const before = observed.slice(0, observed.indexOf(own[0] as ObservedStatement));
    const again = await runAlone(new FileTransaction(session, catalog), before.filter(isSetting), own);
    for (const [at, one] of own.slice(0, again.length).entries())
      seen[observed.indexOf(one)] = again[at] ?? one;
  }
  return seen;
}

function isHidden({ partial, transactional }: ObservedStatement): boolean {
  return partial && transactional;
}

/** What holds for the session beyond its transaction. */
function isSetting({ sql }: ObservedStatement): boolean {
  const [first, second] = sqlWords(sql, 2);
  return (first?.text === 'set' && second?.text !== 'local') || first?.text === 'reset';
}

/** @returns the statements up to the first that cannot run alone, with what was seen of them. */
async function runAlone(
  transaction: FileTransaction,
  settings: readonly ObservedStatement[],
  statements: readonly ObservedStatement[],
): Promise<ObservedStatement[]> {
  const seen: ObservedStatement[] = [];
  try {
    await transaction.prepare();
    await transaction.enter();
    for (const { sql } of settings) if (isRun(sql)) await transaction.run(sql);
    for (const one of statements) {
      if (one.error !== null) break;
      if (isRun(one.sql)) await transaction.run(one.sql);
      seen.push(merged(one, (await transaction.observe(one.sql)).seen));
    }
  } catch {
    // It needs what stands before it.
  }
  await transaction.leave(false).catch(() => undefined);
  return seen;
}

function isRun(sql: string): boolean {
  const kind = statementKind(sql);
  return (kind === 'plain' || kind === 'perhaps') && !isTransactionMode(sql);
}

function merged(
  one: ObservedStatement,
  seen: Pick<ObservedStatement, 'locks' | 'heldBefore'>,
): ObservedStatement {
  return {
    ...one,
    partial: false,
    locks: together(one.locks, seen.locks),
    heldBefore: together(one.heldBefore, seen.heldBefore),
  };
}

/** Of each relation the strongest. */
function together(first: readonly ExplainedLock[], more: readonly ExplainedLock[]): ExplainedLock[] {
  const byName = new Map(first.map((lock) => [lock.relation, lock]));
  for (const lock of more)
    if (isStronger(lock.mode, byName.get(lock.relation)?.mode)) byName.set(lock.relation, lock);
  return [...byName.values()];
}
