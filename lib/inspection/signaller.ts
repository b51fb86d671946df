import { setTimeout as delay } from 'node:timers/promises';
import { findAndSignal, stillThere, type BackendIdentity, type SignalQuery } from '../sql/signal.js';
import { idText, keyOfText, keyText } from '../vocabulary/lock-key-text.js';
import { SQLSTATE, sqlStateOf } from '../vocabulary/sqlstate.js';
import { permissionError, readGrants } from './grants.js';
import type { LockNames } from './lock-names.js';
import type { Observer } from './observer.js';
import { RowDecoder, type TextRow } from './row-decoder.js';
import type { SignalOutcome } from './signal-outcome.js';
import type { SignalResult } from '../vocabulary/signal.js';

/** How long a signalled session may take until it is reported as still blocking. */
const SETTLES_WITHIN_MS = 1_000;
const FIRST_LOOK_MS = 5;
const LAST_LOOK_MS = 100;

type Verdict =
  | 'signal'
  | 'gone'
  | 'notPermitted'
  | 'hidden'
  | 'preparedTransaction'
  | 'background'
  | 'otherDatabase'
  | 'lockSession'
  | 'spared'
  | 'waitsForReplication';

/** Why no GRANT would help. @internal */
export const OF_SUPERUSER = 'it belongs to a superuser, whom only a superuser may signal';
/** Of many locks a few are named. */
const MOST_NAMES = 5;

const REASONS: Readonly<Partial<Record<Verdict, string>>> = {
  notPermitted: 'the connected role may not signal it',
  hidden: 'the connected role may not see when its session began, so it cannot be told from a later one',
  preparedTransaction: 'a prepared transaction has no session: COMMIT PREPARED or ROLLBACK PREPARED ends it',
  background: 'it is a server process, a replication connection or an anti-wraparound vacuum',
  otherDatabase: 'it is in another database, which was not asked for',
  spared: 'it is prioritized itself, or protected',
  waitsForReplication:
    'it has committed and waits for a synchronous standby: a signal would undo nothing, and report success for what is not replicated',
};

const RESULTS: Readonly<Record<Exclude<Verdict, 'signal'>, SignalResult>> = {
  gone: 'gone',
  notPermitted: 'notPermitted',
  hidden: 'notPermitted',
  preparedTransaction: 'refused',
  background: 'refused',
  otherDatabase: 'refused',
  lockSession: 'refused',
  spared: 'refused',
  waitsForReplication: 'waitsForReplication',
};

/** A session that a signal was sent to, as it was just before. */
interface Signalled extends BackendIdentity {
  readonly state: string | null;
  readonly queryStart: number | null;
}

/** What was found and signalled. @internal */
export interface Signalling {
  readonly outcomes: readonly SignalOutcome[];
  /** A row for each session found: one of the locks by which it was. */
  readonly rows: readonly TextRow[];
}

interface Remaining {
  readonly pid: string;
  readonly state: string | null;
  readonly queryStart: string | null;
  readonly blocks: string;
}

/**
 * Finds sessions and signals them in one statement, then looks until it is known what became of them.
 *
 * @internal
 */
export class Signaller {
  readonly #observer: Observer;
  readonly #names: LockNames;

  constructor(observer: Observer, names: LockNames) {
    this.#observer = observer;
    this.#names = names;
  }

  /**
   * @throws {PermissionError} when the server refused although it had looked as if it would permit.
   */
  async signal(query: SignalQuery): Promise<Signalling> {
    const version = await this.#observer.version();
    const rows = await this.#send(query, version);
    const sent = rows.filter((row) => row['verdict'] === 'signal' && row['signalled'] === 't');
    const results = await this.#results(sent, query);
    const decoder = new RowDecoder(this.#names);
    const outcomes = rows.map((row) => this.#outcome(row, query, decoder, results));
    return { outcomes: Object.freeze([...outcomes, ...unmatched(query, rows)]), rows };
  }

  async #send(query: SignalQuery, version: number): Promise<readonly TextRow[]> {
    try {
      return await this.#observer.query<TextRow>(findAndSignal(query, version));
    } catch (error) {
      if (sqlStateOf(error) !== SQLSTATE.insufficientPrivilege) throw error;
      throw permissionError(await readGrants(this.#observer), query.only?.map(({ pid }) => pid) ?? [], {
        cause: error,
      });
    }
  }

  #outcome(
    row: TextRow,
    { side, action, dryRun }: SignalQuery,
    decoder: RowDecoder,
    results: ReadonlyMap<string, SignalResult>,
  ): SignalOutcome {
    const verdict = row['verdict'] as Verdict;
    const pid = row[`${side}.pid`] ?? row[`${side}Id`] ?? '0';
    const signalled = dryRun ? 'dryRun' : (results.get(pid) ?? 'gone');
    return Object.freeze({
      pid: Number(pid),
      action,
      outcome: verdict === 'signal' ? signalled : RESULTS[verdict],
      reason: this.#reason(row, verdict, pid),
      activity: decoder.activity(row, side, pid),
      activityIds: Object.freeze([...new Set((row['activityIds'] ?? '').split(',').map(Number))]),
    });
  }

  #reason(row: TextRow, verdict: Verdict, pid: string): string | null {
    if (verdict === 'notPermitted' && row['isSuperuser'] === 't') return OF_SUPERUSER;
    if (verdict !== 'lockSession') return REASONS[verdict] ?? null;
    const names = (row['otherKeys'] ?? '')
      .split(',')
      .map(keyOfText)
      .filter((key) => key !== undefined)
      .map((key) => JSON.stringify(idText(this.#names.nameOf(key) ?? keyText(key))));
    if (names.length === 0)
      return `it holds a lock of this library, which was not asked for by its id; to end it nevertheless, name its pid: pglock ${pid} --terminate`;
    const shown =
      names.length > MOST_NAMES
        ? [...names.slice(0, MOST_NAMES), `${names.length - MOST_NAMES} more`]
        : names;
    return `it also holds locks of this library that were not asked for (${shown.join(', ')}); to end it with all of them, name its pid: pglock ${pid} --terminate`;
  }

  /** Looks again and again, less often each time, until every session has settled or has had its time. */
  async #results(
    sent: readonly TextRow[],
    { side, action }: SignalQuery,
  ): Promise<Map<string, SignalResult>> {
    const done = action === 'terminate' ? 'terminated' : 'cancelled';
    const results = new Map(sent.map((row) => [String(row[`${side}.pid`]), done as SignalResult]));
    let open = sent.map((row) => signalledOf(row, side));
    const deadline = performance.now() + SETTLES_WITHIN_MS;
    for (let pause = FIRST_LOOK_MS; open.length > 0; pause = Math.min(pause * 2, LAST_LOOK_MS)) {
      await delay(pause);
      const left = await this.#observer.query<Remaining>(stillThere(open));
      const late = performance.now() >= deadline;
      open = open.filter((backend) => {
        const now = left.find(({ pid }) => Number(pid) === backend.pid);
        if (now === undefined || (action === 'cancel' && hasLetGo(backend, now))) return false;
        const settled = late || (action === 'cancel' && !isRunning(backend, now));
        if (settled) results.set(String(backend.pid), 'stillBlocking');
        return !settled;
      });
    }
    return results;
  }
}

function signalledOf(row: TextRow, side: SignalQuery['side']): Signalled {
  return {
    pid: Number(row[`${side}.pid`]),
    backendStartText: row[`${side}.backendStartText`] ?? '',
    state: row[`${side}.state`] ?? null,
    queryStart: Number(row[`${side}.queryStart`] ?? 0),
  };
}

/** Whether the statement that was to be cancelled runs on. */
function isRunning(before: Signalled, now: Remaining): boolean {
  return before.state === 'active' && now.state === 'active' && Number(now.queryStart) === before.queryStart;
}

/** A statement was cancelled, and no session waits for it any more. */
function hasLetGo(before: Signalled, now: Remaining): boolean {
  return before.state === 'active' && !isRunning(before, now) && now.blocks === 'f';
}

/** Sessions that were asked for by identity, and were not found as they were. */
function unmatched({ only = [], action, side }: SignalQuery, rows: readonly TextRow[]): SignalOutcome[] {
  const found = new Set(rows.map((row) => Number(row[`${side}.pid`])));
  return only
    .filter(({ pid }) => !found.has(pid))
    .map(({ pid }) =>
      Object.freeze({
        pid,
        action,
        outcome: 'gone',
        reason: null,
        activity: null,
        activityIds: Object.freeze([]),
      }),
    );
}
