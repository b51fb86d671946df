import type { ClientBase } from 'pg';
import { toldPid } from './told-pid.js';

/**
 * The clients that a pool has handed out, by the process id of their backend: for ORMs that sit on the pool and do not show
 * the client underneath.
 *
 * @internal
 */
export class PooledClients {
  readonly #byPid = new Map<number, WeakRef<ClientBase>>();
  /** No listener on the client: the pool may be lent, and outlives many modules. */
  readonly #collected = new FinalizationRegistry<number>((pid) => {
    if (this.of(pid) === undefined) this.#byPid.delete(pid);
  });

  /** Notes a client that was taken. */
  note(client: ClientBase): void {
    const pid = toldPid(client);
    if (pid === null || this.of(pid) === client) return;
    this.#byPid.set(pid, new WeakRef(client));
    this.#collected.register(client, pid);
  }

  /** The client of a backend, for as long as anybody has it. */
  of(pid: number): ClientBase | undefined {
    return this.#byPid.get(pid)?.deref();
  }
}
