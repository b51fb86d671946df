import type { Check } from '../support/history.js';
import type { Cluster, Replica } from './cluster.js';

/** One replica holds a lock, another waits for it, and all work on; then something happens. */
export interface Scene {
  readonly cluster: Cluster;
  readonly victim: Replica;
  readonly other: Replica;
  /** What is held, and the number of its handle. */
  readonly key: string;
  readonly h: string;
  /** Tells the scene from all others of its run. */
  readonly tag: string;
  /** The backend that holds the lock. */
  readonly pid: number;
  /** The backend that waits for it, where one does. */
  readonly waiterPid: number | undefined;
  /** Between 0 and 1, from the seed. */
  readonly random: () => number;
  /** Resolves when the other one has the lock. */
  readonly had: Promise<unknown>;
  /** Notes a promise that was broken. */
  readonly fail: (check: Check, what: string) => void;
  /** From when on the time until another has the lock counts, where not from the beginning. */
  countFrom?: number;
  /** From when on the event loop of the victim runs again. */
  runsFrom?: number;
  /** How long a shutdown took. */
  shutdownMs?: number;
}

export interface Fault {
  readonly name: string;
  /** Whether the lock goes to another, or its holder keeps it. */
  readonly outcome: 'lost' | 'kept';
  /** See `FaultWindow.imposed`. */
  readonly imposed: boolean;
  /** Whether the event loop of the victim runs meanwhile, so that it can know. */
  readonly loopRuns: boolean;
  /** Whom it meets. */
  readonly meets: 'victim' | 'both' | 'everybody';
  /** Within how long another has the lock, beyond the lease where that has to run out. */
  readonly boundMs: number;
  readonly leased?: boolean;
  readonly needsPool?: boolean;
  /** What is between the holder and its server, where not its proxy alone; `work` holds by a work in place of a handle. */
  readonly through?: 'directConnection' | 'pgbouncer' | 'work';
  /** Options of the lock. */
  readonly hold?: Readonly<Record<string, unknown>>;
  /** Whether only the lease of the server ends it, which PostgreSQL 13 does not have. */
  readonly needsLease?: boolean;
  /** Does it; what it returns makes everything well again. */
  readonly apply: (scene: Scene) => Promise<(() => Promise<unknown>) | undefined>;
}

export const QUICK_MS = 6_000;
export const lost = {
  outcome: 'lost',
  imposed: true,
  loopRuns: true,
  meets: 'victim',
  boundMs: QUICK_MS,
} as const;
export const leased = { ...lost, imposed: false, leased: true } as const;
export const kept = { ...lost, outcome: 'kept', imposed: false } as const;

/** Ends a backend, or what it does. */
export async function signal(
  { cluster }: Scene,
  how: 'terminate' | 'cancel',
  pid: number | undefined,
): Promise<undefined> {
  const admin = await cluster.admin();
  await admin.query(`SELECT pg_${how}_backend($1)`, [pid]);
}
