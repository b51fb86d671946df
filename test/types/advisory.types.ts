import type { ClientBase, PoolClient } from 'pg';
import type {
  AdvisoryKey,
  AdvisoryLockOptions,
  FencingToken,
  LockHandle,
  LockId,
  OnContention,
  PgLockService,
  TransactionLockHandle,
} from '../../lib/index.js';
import { advisoryKey } from '../../lib/index.js';
import { same } from './expect-type.js';

// Compiled by `npm run types`, never run: what the overloads promise, and what they refuse.

declare const pglock: PgLockService;
declare const tx: ClientBase;
declare const onContention: OnContention;

export function resultsOfAdvisory(): void {
  same<Promise<number>>()(pglock.advisory('x', () => 42));
  same<Promise<number>>()(pglock.advisory('x', async () => Promise.resolve(42)));
  same<Promise<number>>()(pglock.advisory('x', { timeout: '2s' }, () => 42));
  same<Promise<number>>()(pglock.advisory('x', { onContention: 'throw' }, () => 42));
  same<Promise<number | undefined>>()(pglock.advisory('x', { onContention: 'skip' }, () => 42));
  same<Promise<number | undefined>>()(pglock.advisory('x', {} as AdvisoryLockOptions, () => 42));
  same<Promise<number>>()(pglock.advisory('x', { transaction: tx }, ({ client }) => Number(client === tx)));
  same<Promise<number>>()(pglock.advisory('x', { xact: true }, () => 42));
  same<Promise<number | undefined>>()(pglock.advisory('x', { xact: true, onContention: 'skip' }, () => 42));
}

export function handlesOfAdvisory(): void {
  void pglock.advisory('x', (lock) => same<LockHandle>()(lock));
  void pglock.advisory('x', { shared: true }, (lock) => same<LockHandle>()(lock));
  void pglock.advisory('x', { xact: true }, (lock) => {
    same<TransactionLockHandle<PoolClient>>()(lock);
    return lock.client.query('SELECT 1');
  });
  // @ts-expect-error a session-level lock has no client
  void pglock.advisory('x', (lock) => String(lock.client));
  // @ts-expect-error xact opens a transaction: it cannot be given one
  void pglock.advisory('x', { xact: true, transaction: tx }, (lock) => String(lock.client));
  // @ts-expect-error there is nothing to run
  void pglock.advisory('x');
  // @ts-expect-error there is nothing to run here, either
  void pglock.advisory('x', { timeout: 0 });
}

export function resultsOfAcquire(): void {
  same<Promise<LockHandle | null>>()(pglock.acquire('x'));
  same<Promise<LockHandle | null>>()(pglock.acquire('x', { timeout: 0 }));
  same<Promise<LockHandle | null>>()(pglock.acquire('x', { onContention: 'skip' }));
  same<Promise<LockHandle>>()(pglock.acquire('x', { timeout: 0, onContention: 'throw' }));
  same<Promise<TransactionLockHandle<ClientBase> | null>>()(pglock.acquire('x', { transaction: tx }));
  same<Promise<TransactionLockHandle<ClientBase>>>()(
    pglock.acquire('x', { transaction: tx, onContention: 'throw' }),
  );
  same<Promise<LockHandle | null>>()(pglock.acquire('x', { onContention }));
}

export async function handles(lock: LockHandle): Promise<void> {
  same<LockId | readonly LockId[]>()(lock.id);
  same<AdvisoryKey>()(lock.key);
  same<boolean>()(lock.held);
  same<number>()(lock.pid);
  same<AbortSignal>()(lock.signal);
  same<Promise<bigint>>()(lock.fencingToken());
  same<Promise<FencingToken>>()(lock.fencingToken({ epoch: true }));
  same<Promise<void>>()(lock.release());
  await using _disposable = lock;
  // @ts-expect-error a handle tells; it is not told
  lock.held = false;
  // @ts-expect-error without await the lock would still be held
  using _synchronously = lock;
}

export function ids(): void {
  const pair: readonly [number, number] = [1, 2];
  for (const id of ['x', 1, 1n, pair] satisfies LockId[]) void pglock.acquire(id);
  void pglock.acquire(['a', 1n, pair]);
  // @ts-expect-error a plain number in a list could be the half of a pair
  void pglock.acquire(['a', 1]);
  // @ts-expect-error of which length it is nobody knows
  void pglock.acquire([1, 2, 3] as number[]);
  void pglock.acquire(['a', 'b'] as const);
  same<AdvisoryKey>()(advisoryKey('x'));
  same<AdvisoryKey>()(pglock.advisoryKey('x'));
  // @ts-expect-error null is no id
  void pglock.acquire(null);
  // @ts-expect-error a key has two numbers
  advisoryKey([1, 2, 3]);
  // @ts-expect-error one id at a time
  pglock.isHeld(['a', 'b']);
}

export function options(): void {
  void pglock.acquire('x', { timeout: null, signal: AbortSignal.timeout(5), holdAtLeast: '5s', maxHold: 1 });
  // @ts-expect-error `ms` reads no such text
  void pglock.acquire('x', { timeout: 'soon' });
  // @ts-expect-error only the wait may be endless
  void pglock.acquire('x', { holdAtLeast: null });
  // @ts-expect-error it is called timeout
  void pglock.acquire('x', { timeOut: 5 });
  // @ts-expect-error either throw or skip
  void pglock.acquire('x', { onContention: 'ignore' });
  // What may be undefined can be handed on, also under exactOptionalPropertyTypes.
  void pglock.acquire('x', { timeout: undefined, signal: undefined });
  // @ts-expect-error the presence of the key says that a transaction was meant
  void pglock.acquire('x', { transaction: undefined });
}
