import type { ClientBase, PoolClient, QueryResult } from 'pg';
import { PoolerError } from '../errors/pooler.error.js';
import {
  restoreSessionLockTimeout,
  setSessionLockTimeout,
  type SessionLockTimeoutRow,
} from '../sql/settings-session.js';
import type { Statement } from '../sql/statement.js';
import type { PidScope } from './flow-pids.js';
import type { SessionScope } from './scoped-pool-scope.js';
import { toldPid } from './told-pid.js';

interface Applied {
  /** For whom `lock_timeout` is set now. */
  readonly scope: SessionScope;
  /** What it was before the first of us set it; null where `RESET` gives it back. */
  readonly former: string | null;
}

/**
 * Makes sessions fit the flow that takes them. A session is *its own* until a flow with a lock timeout takes it, *set* for
 * that flow from then on, and given back its former value when a flow without one takes it: so only a session that
 * changes flows costs a message, and nobody ever sees the value of another.
 *
 * @internal
 */
export class ScopedClients {
  readonly #applied = new WeakMap<object, Applied>();
  readonly #trustPooler: boolean;

  constructor(options: { readonly trustPooler: boolean }) {
    this.#trustPooler = options.trustPooler;
  }

  /** Whether the session already fits, so that nothing need be sent. */
  fits(client: object, scope: SessionScope | undefined): boolean {
    const wanted = scope?.lockTimeoutMs === undefined ? undefined : scope;
    return this.#applied.get(client)?.scope === wanted;
  }

  /**
   * Sends the one `SET` or `RESET` that makes the session fit, if it does not.
   *
   * @throws {PoolerError} when a pooler gives the client another backend than it was told of.
   */
  async fit(client: ClientBase, scope: SessionScope | undefined): Promise<void> {
    if (this.fits(client, scope)) return;
    const applied = this.#applied.get(client);
    if (scope?.lockTimeoutMs === undefined) {
      this.#applied.delete(client);
      if (applied !== undefined) await send(client, restoreSessionLockTimeout(applied.former));
      return;
    }
    const statement = setSessionLockTimeout(scope.lockTimeoutMs, this.#trustPooler ? null : toldPid(client));
    const { rows } = await send<SessionLockTimeoutRow>(client, statement);
    if (rows[0]?.done !== true) throw throughPooler();
    const former = applied === undefined ? rows[0].former : applied.former;
    this.#applied.set(client, { scope, former });
  }
}

/** Counts a session in for the flow that took it, and out when it is released. @internal */
export function enterUntilReleased(client: PoolClient, pids: PidScope | undefined): void {
  const pid = toldPid(client);
  if (pid === null || pids === undefined) return;
  const leave = pids.enter(pid);
  const release = client.release.bind(client);
  client.release = (destroy) => {
    leave();
    release(destroy);
  };
}

function send<Row extends object>(
  client: ClientBase,
  { text, values = [] }: Statement,
): Promise<QueryResult<Row>> {
  return client.query<Row>(text, [...values]);
}

function throughPooler(): PoolerError {
  return new PoolerError(
    'A lock timeout cannot follow the flow through a pooler in transaction mode, where each transaction may run in another session. Give the timeout to a transaction (pglock.timeout(duration, { transaction }, work), or within pglock.transaction), or connect to PostgreSQL directly.',
  );
}
