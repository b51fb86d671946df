import { treeRows } from '../sql/blocked-rows.js';
import { assertOptions } from '../vocabulary/known-options.js';
import { blockingTree, type BlockingTreeNode, type TreeMember } from './blocking-tree.js';
import { LockInspector } from './lock-inspector.js';
import type { BlockedLockQuery, SignalOptions } from './lock-query.js';
import type { BlockedPgLock } from './pg-lock.js';
import type { RowDecoder, TextRow } from './row-decoder.js';
import type { SignalOutcome } from './signal-outcome.js';

/** Options of `tree`. @publicApi */
export interface BlockingTreeOptions {
  /** Include the waiting sessions of all databases of the server. @default false */
  readonly allDatabases?: boolean | undefined;
}

/**
 * Waiters and blockers of locks: a row for each awaited lock and each session that blocks it.
 *
 * Calls `pg_catalog.pg_blocking_pids(pid)` for the waiting sessions only, so locks without waiters cost nothing.
 *
 * @example await pglock.blocked.find({ on: 'users', where: { blockingActivity: { state: 'idle in transaction' } } })
 * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SESSION
 * @publicApi
 */
export class BlockedPgLocks extends LockInspector<BlockedLockQuery, BlockedPgLock> {
  /** @internal */
  protected readonly source = 'blocked';

  /**
   * Cancels the running statement of every session that blocks a lock that matches. An idle transaction has no
   * running statement: it is `stillBlocking` afterwards.
   *
   * Sends one statement: the query itself, and `pg_catalog.pg_cancel_backend(pid)` for each blocker. Blockers that hold
   * this library's own locks, replication and anti-wraparound vacuums are refused.
   *
   * @returns the outcome for each blocker.
   * @throws {PgLockUsageError} when the query contains anything unknown; before any SQL.
   * @throws {PermissionError} when none of the blockers may be signalled; the message contains the GRANT.
   * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
   */
  cancelBlockingActivity(query: BlockedLockQuery & SignalOptions = {}): Promise<readonly SignalOutcome[]> {
    return this.signal('cancel', 'blockingActivity', this.resolve(query), query);
  }

  /**
   * Ends every session that blocks a lock that matches, its open transaction and all its locks with it.
   *
   * Sends one statement: the query itself, and `pg_catalog.pg_terminate_backend(pid)` for each blocker. Blockers that hold
   * this library's own locks, replication and anti-wraparound vacuums are refused.
   *
   * @returns the outcome for each blocker.
   * @throws {PgLockUsageError} when the query contains anything unknown; before any SQL.
   * @throws {PermissionError} when none of the blockers may be signalled; the message contains the GRANT.
   * @see https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL
   */
  terminateBlockingActivity(query: BlockedLockQuery & SignalOptions = {}): Promise<readonly SignalOutcome[]> {
    return this.signal('terminate', 'blockingActivity', this.resolve(query), query);
  }

  /**
   * Who blocks whom, as trees of sessions: each root blocks others and does not wait itself; those that hold up most sessions come
   * first. A cycle, which the server is about to break, starts at one of its members.
   *
   * Sends one statement that starts from the waiting sessions. At most 10 000 sessions are shown; `holdsUp` counts all.
   *
   * @throws {PgLockUsageError} on an unknown option; before any SQL.
   * @see https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-SESSION
   */
  async tree(options: BlockingTreeOptions = {}): Promise<readonly BlockingTreeNode[]> {
    assertOptions(options, ['allDatabases'], 'tree()');
    return blockingTree(await this.members(options));
  }

  /** The sessions of the trees. @internal */
  protected async members({ allDatabases = false }: BlockingTreeOptions): Promise<readonly TreeMember[]> {
    const { observer } = this.parts;
    const version = await observer.version();
    const rows = await observer.query<TextRow>({
      // A watcher asks once a second, and planning it takes longer than answering.
      name: allDatabases ? 'pglock_tree_of_all' : 'pglock_tree',
      text: treeRows({ version, allDatabases }),
    });
    const decoder = await this.decoderFor(rows);
    return rows.map((row) => decoder.treeMember(row));
  }

  /** @internal */
  protected decode(decoder: RowDecoder, row: TextRow): BlockedPgLock {
    return decoder.blockedLock(row);
  }
}
