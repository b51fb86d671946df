import { isAtLeast, strongestOf } from './observe/lock-strength.js';
import { findingsOf } from './hazards/judge.js';
import type { ExplainedStatement, ExplainReport, ExplainSummary, LiveRelation } from './report.js';
import type { ObservedStatement } from './run/observed-statement.js';

/** Judges what was observed, and sums it up. @internal */
export function buildReport(
  observed: readonly ObservedStatement[],
  live: readonly LiveRelation[] | null,
): ExplainReport {
  const statements = observed.map((_, index) => reported(observed, index));
  return { version: 1, statements, live, summary: summaryOf(statements) };
}

function reported(run: readonly ObservedStatement[], index: number): ExplainedStatement {
  const one = run[index] as ObservedStatement;
  return {
    file: one.file,
    line: one.line,
    column: one.column,
    sql: one.sql,
    transactional: one.transactional,
    carriedOut: one.carriedOut,
    partial: one.partial,
    transaction: one.transaction,
    durationMs: Math.round(one.durationMs * 1_000) / 1_000,
    error: one.error,
    locks: one.locks,
    heldBefore: one.heldBefore,
    rewrites: one.rewrites,
    scans: /^\s*truncate\b/i.test(one.sql) ? [] : one.scans,
    findings: findingsOf(run, index),
  };
}

function summaryOf(statements: readonly ExplainedStatement[]): ExplainSummary {
  const modes = statements.flatMap(({ locks }) => locks.flatMap((lock) => (lock.created ? [] : [lock.mode])));
  return {
    statements: statements.length,
    strongest: strongestOf(modes) ?? null,
    longestHeldMs: Math.max(0, ...statements.map((_, index) => heldMs(statements, index))),
    findings: statements.reduce((sum, { findings }) => sum + findings.length, 0),
  };
}

/** How long the locks of a statement that stop reads or writes are held: to the end of its transaction. */
function heldMs(statements: readonly ExplainedStatement[], index: number): number {
  const taker = statements[index];
  if (!taker?.locks.some(({ mode, created }) => !created && isAtLeast(mode, 'SHARE'))) return 0;
  const ms = statements
    .slice(index)
    .filter(({ transaction }) => transaction === taker.transaction)
    .reduce((sum, { durationMs }) => sum + durationMs, 0);
  return Math.round(ms * 1_000) / 1_000;
}
