import { hostname } from 'node:os';
import type { FlowWaitGraph } from '../locks/flow-wait-graph.js';
import type { ResolvedPgLockOptions } from '../options/pg-lock-options.js';
import { DeadlockProbes } from '../peers/deadlock-probes.js';
import { DatabasePeers, type PeerIdentity } from '../peers/database-peers.js';
import { NoPeers } from '../peers/no-peers.js';
import type { Peers } from '../peers/peers.js';
import { WaitOrder } from '../peers/wait-order.js';
import { WakeUps } from '../peers/wake-ups.js';
import { waitsOfHolders } from '../sql/peer-channel.js';
import type { PgLockStore } from '../session/pg-lock-store.js';

/**
 * What the processes of one database do for each other, put together: they speak, wake those who poll for what they
 * release, and find deadlocks that run through several of them.
 *
 * @internal
 */
export class PeerServices {
  readonly peers: Peers;
  /** Called when a peer has released a key for which this process polls. */
  onReleased: ((key: string) => void) | undefined;
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly store: PgLockStore,
    options: ResolvedPgLockOptions,
  ) {
    // On a replica LISTEN is refused.
    const speaks = !options.sessions.allowStandby;
    this.peers = speaks ? this.connect(store, options) : new NoPeers();
  }

  /** Looks for deadlocks over the waits of a module. */
  chase(domain: object, graph: FlowWaitGraph): void {
    const { store, peers } = this;
    const deadlockTimeoutMs = () => store.deadlockTimeoutMs;
    const waits = async (key: string) => {
      const rows = await store.peers.runOnMain(waitsOfHolders(key));
      return rows.map((row) => ({ pid: Number(row.pid), key: row.key ?? '' }));
    };
    const probes = new DeadlockProbes({ domain, peers, graph, deadlockTimeoutMs, waitsOfHolders: waits });
    store.onWait = graph.onWait = (key) => probes.watch(key);
    this.stops.push(() => probes.close());
  }

  /** Says goodbye on the session that is about to be closed. */
  close(): void {
    for (const stop of this.stops) stop();
    this.peers.close();
  }

  private connect(store: PgLockStore, options: ResolvedPgLockOptions): Peers {
    const peers = new DatabasePeers(store.peers, identityOf(options));
    const wakeUps = new WakeUps(peers, (key) => {
      store.wake(key);
      this.onReleased?.(key);
    });
    const order = new WaitOrder(peers);
    store.polls = wakeUps;
    store.order = order;
    this.stops.push(
      () => wakeUps.close(),
      () => order.close(),
    );
    return peers;
  }
}

/** Who this process is to its peers. */
function identityOf({ connection, pool }: ResolvedPgLockOptions): PeerIdentity {
  const given = pool?.options ?? (typeof connection === 'object' ? connection : undefined);
  const applicationName = given?.application_name ?? process.env['PGAPPNAME'] ?? '';
  return { applicationName, host: hostname() };
}
