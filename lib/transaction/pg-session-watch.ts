import { Savepoints } from './savepoints.js';
import { SessionSteps } from './session-steps.js';

/** Hears of the end of a transaction, once. @internal */
export interface TransactionWatcher {
  /** The transaction was committed or rolled back, or rolled back to a savepoint older than the watcher. */
  ended(): void;
  /**
   * A statement has failed: what came after the innermost savepoint is taken back already, locks included, before any rollback.
   * Who has it hears no more.
   */
  failed?(): void;
  /** The session died, and the transaction with it. */
  lost(cause: Error): void;
}

interface Emitter {
  on(event: string, listener: (payload?: unknown) => void): unknown;
}

const WATCHED = new WeakMap<object, SessionWatch>();

/**
 * Tells when what a transaction holds goes with it, or with a part of it, on a `pg` client: at the end of the transaction, which
 * the server tells after every answer, wherever the COMMIT came from, or reports as carried out where another begins with it
 * (`AND CHAIN`); at a `ROLLBACK TO SAVEPOINT` to one that is older; and when a statement fails.
 * Listens once a client, however many locks it takes.
 *
 * @returns false when the client is none that can be listened to; then the watcher is never called.
 * @internal
 */
export function watchTransactionOf(client: object | undefined, watcher: TransactionWatcher): boolean {
  const steps = client === undefined ? undefined : SessionSteps.of(client);
  if (client === undefined || !isEmitter(client) || steps === undefined) return false;
  const watch = WATCHED.get(client) ?? new SessionWatch(client, steps);
  WATCHED.set(client, watch);
  watch.add(watcher);
  return true;
}

class SessionWatch {
  /** Each with the moment in which it began. */
  readonly #watchers = new Map<TransactionWatcher, number>();
  readonly #savepoints = new Savepoints();

  constructor(client: Emitter, steps: SessionSteps) {
    steps.listen({
      step: (step) => this.#end(this.#savepoints.apply(step)),
      ready: (status) => {
        if (status === 'E') this.#fail();
        if (status === 'I') this.#end(this.#savepoints.apply({ kind: 'end' }));
      },
    });
    const lost = (error: unknown) => this.#tell(this.#since(0), (watcher) => watcher.lost(asError(error)));
    client.on('error', lost);
    client.on('end', lost);
  }

  add(watcher: TransactionWatcher): void {
    this.#watchers.set(watcher, this.#savepoints.now);
  }

  #end(since: number | undefined): void {
    if (since !== undefined) this.#tell(this.#since(since), (watcher) => watcher.ended());
  }

  #fail(): void {
    const failing = this.#since(this.#savepoints.innermost).filter((watcher) => watcher.failed !== undefined);
    this.#tell(failing, (watcher) => watcher.failed?.());
  }

  #since(since: number): TransactionWatcher[] {
    return [...this.#watchers].filter(([, moment]) => moment >= since).map(([watcher]) => watcher);
  }

  #tell(watchers: readonly TransactionWatcher[], tell: (watcher: TransactionWatcher) => void): void {
    for (const watcher of watchers) this.#watchers.delete(watcher);
    watchers.forEach(tell);
  }
}

function isEmitter(value: unknown): value is Emitter {
  return typeof value === 'object' && value !== null && typeof (value as { on?: unknown }).on === 'function';
}

function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error('the connection was closed');
}
