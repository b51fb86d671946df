import type { HeldKey, HeldKeyListener } from '../session/lock-store.js';
import type { LockKey } from '../vocabulary/lock-id.js';

/** Backends that exist nowhere get numbers that no server gives. */
const FIRST_PID = 9_000_001;

/** One key held in a {@link MemoryLockTable}: *held* until it is unlocked or lost. @internal */
export class MemoryLock implements HeldKey {
  listener: HeldKeyListener | undefined;
  alive = true;
  isContended = false;
  readonly since = new Date();

  constructor(
    readonly key: LockKey,
    readonly shared: boolean,
    readonly pid: number,
    /** The owner: a store, or another session that a test plays. */
    readonly owner: object,
  ) {}
}

/** A waiter for a key of a {@link MemoryLockTable}. @internal */
export interface MemoryWaiter {
  readonly key: LockKey;
  readonly shared: boolean;
  readonly pid: number;
  readonly owner: object;
  readonly since: Date;
  /** `LockKey.text` of the keys that stand still while it waits. */
  holds(): readonly string[];
  /** It is its turn. Called once; the waiter is out of the line by then. */
  grant(hold: MemoryLock): void;
}

interface Entry {
  readonly key: LockKey;
  readonly holds: Set<MemoryLock>;
  readonly line: MemoryWaiter[];
}

/**
 * What stands in for the lock table of a PostgreSQL server. Services that are given one table exclude each other, as two
 * replicas of an application on one database do.
 *
 * It follows the server's rules: shared locks go together, a queue is served in order of arrival, and a try is refused
 * where it would overtake a waiter that it conflicts with.
 *
 * @example const table = new MemoryLockTable();
 * @publicApi
 */
export class MemoryLockTable {
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<() => void>();
  #lastPid = FIRST_PID;
  #lastToken = 0n;

  /** A process id for one more backend. @internal */
  newPid(): number {
    return this.#lastPid++;
  }

  /** A number that grows from call to call. @internal */
  nextToken(): bigint {
    return (this.#lastToken += 1n);
  }

  /** Takes the key if no other owner conflicts, neither holding nor waiting; one that has it already does not queue. @internal */
  take(key: LockKey, shared: boolean, pid: number, owner: object): MemoryLock | null {
    const entry = this.#entry(key);
    const isAgain = [...entry.holds].some((other) => other.owner === owner);
    const others = isAgain ? entry.holds : [...entry.holds, ...entry.line];
    const hold = [...others].some((other) => other.owner !== owner && conflict(other, { shared }))
      ? null
      : this.#give(entry, { key, shared, pid, owner });
    this.#tidy(entry);
    return hold;
  }

  /** Stands in line; `grant` is called at once where nothing conflicts. @internal */
  enqueue(waiter: MemoryWaiter): void {
    const entry = this.#entry(waiter.key);
    entry.line.push(waiter);
    this.#serve(entry);
  }

  /** Leaves the line. @internal */
  leave(waiter: MemoryWaiter): void {
    const entry = this.#entries.get(waiter.key.text);
    const index = entry?.line.indexOf(waiter) ?? -1;
    if (entry === undefined || index < 0) return;
    entry.line.splice(index, 1);
    this.#serve(entry);
  }

  /** Releases the lock; does nothing where it is no longer held. @internal */
  free(hold: MemoryLock): void {
    const entry = this.#entries.get(hold.key.text);
    if (entry?.holds.delete(hold) === true) this.#serve(entry);
  }

  /** Ends holds as the end of their session would, and tells their holders. @internal */
  lose(holds: readonly MemoryLock[], error: Error): void {
    for (const hold of holds) {
      hold.alive = false;
      this.free(hold);
    }
    for (const hold of holds) hold.listener?.onKeyLost(hold, error);
  }

  /** Who holds what: one key, or all. @internal */
  holds(key?: LockKey): readonly MemoryLock[] {
    return this.#entriesOf(key).flatMap(({ holds }) => [...holds]);
  }

  /** Who waits, in order of arrival for each key: one key, or all. @internal */
  waiters(key?: LockKey): readonly MemoryWaiter[] {
    return this.#entriesOf(key).flatMap(({ line }) => line);
  }

  /** Resolves when the condition holds; looks after every change. @internal */
  async until(condition: () => boolean): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
    });
  }

  #entriesOf(key: LockKey | undefined): readonly Entry[] {
    if (key === undefined) return [...this.#entries.values()];
    const entry = this.#entries.get(key.text);
    return entry === undefined ? [] : [entry];
  }

  #entry(key: LockKey): Entry {
    let entry = this.#entries.get(key.text);
    if (entry === undefined) {
      entry = { key, holds: new Set(), line: [] };
      this.#entries.set(key.text, entry);
    }
    return entry;
  }

  #give(
    entry: Entry,
    { key, shared, pid, owner }: Pick<MemoryLock, 'key' | 'shared' | 'pid' | 'owner'>,
  ): MemoryLock {
    const hold = new MemoryLock(key, shared, pid, owner);
    entry.holds.add(hold);
    return hold;
  }

  /** Gives the key to all in the line that conflict with no holder and with none ahead. */
  #serve(entry: Entry): void {
    for (const waiter of [...entry.line]) {
      const ahead = entry.line.slice(0, entry.line.indexOf(waiter));
      const others = [...entry.holds, ...ahead].filter(({ owner }) => owner !== waiter.owner);
      if (others.some((other) => conflict(other, waiter))) continue;
      entry.line.splice(entry.line.indexOf(waiter), 1);
      waiter.grant(this.#give(entry, waiter));
    }
    this.#tidy(entry);
  }

  #tidy(entry: Entry): void {
    if (entry.holds.size === 0 && entry.line.length === 0) this.#entries.delete(entry.key.text);
    for (const look of [...this.#watchers]) look();
  }
}

function conflict(a: { readonly shared: boolean }, b: { readonly shared: boolean }): boolean {
  return !a.shared || !b.shared;
}
