import type { ClientBase } from 'pg';
import { toldPid } from './told-pid.js';

/**
 * The clients that a pool has handed out, by the process id of their backend: for ORMs that sit on the pool and show nobody
 * the client underneath.
 *
 * @internal
 */
export class PooledClients {
  readonly #byPid = new Map<number, WeakRef<ClientBase>>();

  /** Notes a client that was taken. */
  note(client: ClientBase): void {
    const pid = toldPid(client);
    if (pid === null || this.of(pid) === client) return;
    this.#byPid.set(pid, new WeakRef(client));
    client.once('end', () => {
      if (this.of(pid) === client) this.#byPid.delete(pid);
    });
  }

  /** The client of a backend, while it is connected. */
  of(pid: number): ClientBase | undefined {
    return this.#byPid.get(pid)?.deref();
  }
}
