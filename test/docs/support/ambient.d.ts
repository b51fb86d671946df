import type { Pool, PoolClient } from 'pg';
import type { LockHandle, PgLockService } from '../../../lib/index.js';

/** What fragments in the guides may use without saying where it comes from. `world.ts` has it for those that run. */
declare global {
  /** The injected service. */
  const pglock: PgLockService;
  /** The application's pool, and an open transaction on it. */
  const pool: Pool;
  const tx: PoolClient;
  const lock: LockHandle;

  interface Order {
    readonly id: string;
    readonly customerId: string;
    readonly total: number;
  }
  const order: Order;
  const orderId: string;
  const request: { readonly signal: AbortSignal };

  function closeMonth(): Promise<number>;
  function exportInvoices(options?: { signal?: AbortSignal }): Promise<void>;
  function rebuild(): Promise<void>;
  function transfer(): Promise<void>;
  function migrate(): Promise<void>;
  function work(): Promise<string>;
  function doStuff(): Promise<void>;
}
