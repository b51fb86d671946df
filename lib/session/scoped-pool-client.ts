import type { ClientBase, PoolClient } from 'pg';
import { PoolerError } from '../errors/pooler.error.js';
import {
  restoreSessionLockTimeout,
  setSessionLockTimeout,
  type SessionLockTimeoutRow,
} from '../sql/settings-session.js';
import { BACKEND_PID_OF_TRANSACTION } from '../sql/signal.js';
import { clientRows } from './client-rows.js';
import type { PidScope } from './flow-pids.js';
import type { SessionScope } from './scoped-pool-scope.js';
import { toldPid } from './told-pid.js';
import { TransactionPids } from './transaction-pids.js';

interface Applied {
  /** For whom `lock_timeout` is set now. */
  readonly scope: SessionScope;
  /** What it was before the first of us set it; null where `RESET` gives it back. */
  readonly former: string | null;
}

/**
 * Makes sessions fit the flow that takes them. A session is *its own* until a flow with a lock timeout takes it, *set* for
 * that flow from then on, and given back its former value when a flow without one takes it: so only a session that
 * changes flows costs a message, and no flow ever sees the value of another.
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
      if (applied !== undefined) await restore(client, applied.former);
      return;
    }
    const statement = setSessionLockTimeout(scope.lockTimeoutMs, this.#trustPooler ? null : toldPid(client));
    const [row] = await clientRows<SessionLockTimeoutRow>(client, statement);
    if (row?.done !== true) throw throughPooler();
    const former = applied === undefined ? row.former : applied.former;
    this.#applied.set(client, { scope, former });
  }
}

const ASKED_PIDS = new WeakMap<object, number>();

/**
 * Counts a session in for the flow that took it, and out when it is released. Behind a pooler that may give each transaction another
 * backend, that of each transaction counts, while it is open.
 *
 * Asks each client once which backend it has: a pooler tells its clients of one that it made up.
 *
 * @internal
 */
export async function enterUntilReleased(
  client: PoolClient,
  pids: PidScope | undefined,
  trustPooler: boolean,
): Promise<void> {
  if (pids === undefined) return;
  const told = toldPid(client);
  const pid = await askedPid(client);
  const isKept = trustPooler || told === null || told === pid;
  onRelease(client, isKept ? pids.enter(pid) : TransactionPids.watch(client, pids));
}

/** Has something done once, when a client goes back to its pool; releasing it again is refused by the pool. @internal */
export function onRelease(client: PoolClient, work: () => void): void {
  const release = client.release.bind(client);
  let isOut = true;
  client.release = (destroy) => {
    if (isOut) work();
    isOut = false;
    release(destroy);
  };
}

/** The answer holds for the life of the client: a direct one stays direct. */
async function askedPid(client: PoolClient): Promise<number> {
  const known = ASKED_PIDS.get(client);
  if (known !== undefined) return known;
  const [row] = await clientRows<{ pid: number }>(client, BACKEND_PID_OF_TRANSACTION);
  if (row !== undefined) ASKED_PIDS.set(client, row.pid);
  return row?.pid ?? 0;
}

async function restore(client: ClientBase, former: string | null): Promise<void> {
  const { text, values = [] } = restoreSessionLockTimeout(former);
  await client.query({ text, values: [...values] });
}

function throughPooler(): PoolerError {
  return new PoolerError(
    'A lock timeout cannot follow the flow through a pooler in transaction mode, where each transaction may run in another session. Give the timeout to a transaction (pglock.timeout(duration, { transaction }, work), or within pglock.transaction), or connect to PostgreSQL directly.',
  );
}
