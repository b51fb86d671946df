import { LockLostError } from '../errors/lock-lost.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';
import type { LockId } from '../vocabulary/lock-id.js';
import { printable } from '../vocabulary/printable.js';
import type { QueueHost } from './local-queue.js';
import { LockContext } from './lock-context.js';
import type { LockNames, NamedKey } from './lock-names.js';
import type { LockReference } from './lock-reference.js';
import type { SelfWaiting, SelfWaits } from './self-waits.js';

/**
 * The one place that says what the running flow holds of one database, at session level and in transactions: for `isHeld` and
 * `assertHeld`, for works that ask to enter a lock again, and for waits that stand behind their own flow.
 *
 * @internal
 */
export class HeldLocks implements QueueHost {
  /** Locks of one module are one domain: other modules may be of other databases. */
  readonly domain = this;

  constructor(
    private readonly names: LockNames,
    private readonly selfWaits: SelfWaits,
  ) {}

  onSelfWait(waiting: SelfWaiting): void {
    this.selfWaits.watch(waiting);
  }

  /** Whether a work of the running flow holds the id at this moment. */
  isHeld(id: LockId): boolean {
    return this.find(id, ({ alive }) => alive) !== undefined;
  }

  /**
   * @throws {LockLostError} when a work of the running flow held the id, and has lost it.
   * @throws {PgLockUsageError} when none holds it.
   */
  assertHeld(id: LockId): void {
    if (this.isHeld(id)) return;
    const lost = this.find(id, ({ active, lostBy }) => active || lostBy !== undefined);
    if (lost !== undefined)
      throw new LockLostError(
        `Advisory lock ${printable(id)} was lost; the protected work may now run concurrently elsewhere. ` +
          `Cause: ${lost.lostBy?.message ?? 'the server has not answered within the lease.'}`,
        id,
        { cause: lost.lostBy },
      );
    throw new PgLockUsageError(
      `Advisory lock ${printable(id)} is not held by the running flow. Call this inside \`pglock.advisory(${printable(id)}, …)\`, or in a ` +
        'handler that is decorated with it.',
    );
  }

  /** The innermost lock of a key under which a work of this flow runs. */
  own(key: NamedKey['key'], context = LockContext.current): LockReference | undefined {
    return context?.find(this, key, ({ active }) => active);
  }

  /**
   * The lock under which a work of this flow may run that asks for it again.
   *
   * @throws {PgLockUsageError} when it is shared, and asked for exclusively: that would wait for itself.
   */
  toReenter(
    { id, key }: NamedKey,
    shared: boolean,
    context = LockContext.current,
  ): LockReference | undefined {
    const outer = context?.find(this, key, ({ alive }) => alive);
    if (outer?.shared === true && !shared)
      throw new PgLockUsageError(
        `This flow holds advisory lock ${printable(id)} shared and requests it exclusively: it would wait for itself indefinitely. ` +
          'Acquire it exclusively from the start.',
      );
    return outer;
  }

  private find(id: LockId, condition: (reference: LockReference) => boolean): LockReference | undefined {
    const key = this.names.keyOf(id); // which refuses what is no id
    return LockContext.current?.find(this, key, condition);
  }
}
