import { setTimeout as delay } from 'node:timers/promises';
import { ROLLBACK, begin } from '../../sql/transaction.js';
import { lockGate, READ_INVALID_INDEXES, type InvalidIndex } from '../../sql/explain-session.js';
import { RelationCatalog } from '../observe/relation-catalog.js';
import { qualified } from '../observe/relation-names.js';
import type { Observation } from '../observe/session-view.js';
import type { ExplainSession } from './explain-session.js';
import { LockSampler, locksOf, rewritten } from './lock-sampler.js';

/** With more tables than that there is no gate: the lock table is finite. */
const MOST_GATED = 500;
const GATE_MS = 2_000;
const SAMPLE_MS = 1;

/** What a statement outside of transactions was seen to do. @internal */
export interface CarriedOut {
  readonly observation: Observation;
  readonly invalidIndexes: readonly string[];
  readonly error: unknown;
  readonly durationMs: number;
}

/**
 * Runs one statement that cannot run in a transaction, and watches its locks from a second session: they are gone before it
 * answers. It is stopped at the first lock that it asks for, until that has been seen; from there on it is sampled.
 *
 * @internal
 */
export async function carryOut(
  sql: string,
  session: ExplainSession,
  watcher: ExplainSession,
): Promise<CarriedOut> {
  const before = new RelationCatalog(await watcher.relations());
  const invalid = await invalidIndexes(watcher);
  const gated = await closeGate(watcher, before);
  const sampler = new LockSampler(watcher, session.pid);
  const running = new RunningStatement(session.run(sql));
  if (gated) await openGate(watcher, sampler, running);
  const openedAt = performance.now();
  while (running.isRunning) {
    await sampler.sample();
    await Promise.race([running.ended, delay(SAMPLE_MS)]);
  }
  const error = await running.ended;
  const after = new RelationCatalog(await watcher.relations());
  const left = (await invalidIndexes(watcher)).filter(
    ({ oid }) => !invalid.some((other) => other.oid === oid),
  );
  const rewrites = rewritten(before, after);
  return {
    observation: { locks: locksOf(sampler.modes, before, after), heldBefore: [], rewrites, scans: [] },
    invalidIndexes: left.map(({ schema, name }) => qualified(schema, name)),
    error,
    durationMs: Math.max(0, running.endedAt - openedAt),
  };
}

/** A statement on its way, and the error that it ended with. */
class RunningStatement {
  readonly ended: Promise<unknown>;
  isRunning = true;
  endedAt = 0;

  constructor(work: Promise<void>) {
    this.ended = work
      .then(
        () => undefined,
        (error: unknown) => error,
      )
      .finally(() => {
        this.isRunning = false;
        this.endedAt = performance.now();
      });
  }
}

async function openGate(
  watcher: ExplainSession,
  sampler: LockSampler,
  running: RunningStatement,
): Promise<void> {
  const deadline = performance.now() + GATE_MS;
  while (running.isRunning && performance.now() < deadline && !(await sampler.sample()))
    await delay(SAMPLE_MS);
  await watcher.query(ROLLBACK);
}

async function closeGate(watcher: ExplainSession, catalog: RelationCatalog): Promise<boolean> {
  const tables = [...catalog].filter(({ kind, temporary }) => GATED.has(kind) && !temporary);
  if (tables.length === 0 || tables.length > MOST_GATED) return false;
  try {
    await watcher.query(begin({}));
    await watcher.query(lockGate(tables.map(({ relation }) => relation)));
    return true;
  } catch {
    await watcher.query(ROLLBACK);
    return false;
  }
}

const GATED: ReadonlySet<string> = new Set(['table', 'partitioned table']);

function invalidIndexes(watcher: ExplainSession): Promise<InvalidIndex[]> {
  return watcher.query<InvalidIndex>(READ_INVALID_INDEXES);
}
