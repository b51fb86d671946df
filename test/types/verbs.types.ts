import type { Pool, PoolClient } from 'pg';
import {
  cancel,
  terminate,
  type BlockedPgLock,
  type BlockingTreeNode,
  type LockMode,
  type PgLock,
  type PgLockEvent,
  type PgLockService,
  type SignalOutcome,
} from '../../lib/index.js';
import { same } from './expect-type.js';

declare const pglock: PgLockService;
declare const transaction: object;
class User {}

export function modes(): void {
  same<
    | 'ACCESS SHARE'
    | 'ROW SHARE'
    | 'ROW EXCLUSIVE'
    | 'SHARE UPDATE EXCLUSIVE'
    | 'SHARE'
    | 'SHARE ROW EXCLUSIVE'
    | 'EXCLUSIVE'
    | 'ACCESS EXCLUSIVE'
  >()(null as unknown as LockMode);
}

export function model(): void {
  same<Promise<boolean>>()(pglock.model('users', { transaction }));
  void pglock.model([User, 'billing.invoices', { schema: 'a', table: 'b.c' }], { mode: 'SHARE', timeout: 0 });
  // @ts-expect-error modes are spelled as in SQL
  void pglock.model('users', { mode: 'AccessShareLock' });
  // @ts-expect-error a table lock is its transaction's, and is not shared by flag
  void pglock.model('users', { shared: true });
  // @ts-expect-error five is no table
  void pglock.model(5);
}

export function transactionAndTimeout(): void {
  same<Promise<number>>()(pglock.timeout('3s', () => 42));
  same<Promise<number>>()(pglock.timeout(null, { transaction }, async () => Promise.resolve(42)));
  same<Promise<void>>()(pglock.transaction((tx) => same<PoolClient>()(tx)));
  same<Pool>()(pglock.pool);
  // @ts-expect-error undefined is no Duration
  void pglock.timeout(undefined, () => 42);
  // @ts-expect-error PostgreSQL runs READ UNCOMMITTED as READ COMMITTED
  void pglock.transaction(() => 1, { isolation: 'READ UNCOMMITTED' });
}

export function prioritize(): void {
  same<Promise<number>>()(pglock.prioritize(() => 42));
  same<Promise<number>>()(
    pglock.prioritize({ interval: '200ms', timeout: '30s', onBlocked: cancel() }, () => 42),
  );
  const where = { blockingActivity: { duration: { gte: '5s' } } } as const;
  void pglock.prioritize({ onBlocked: terminate(where), protect: { applicationName: 'backup' } }, () => 1);
  void pglock.prioritize(
    {
      onBlocked: (blocked) => {
        same<readonly BlockedPgLock[]>()(blocked);
        return Promise.resolve(blocked.map((lock) => lock.blockingActivityId));
      },
    },
    () => 1,
  );
  // @ts-expect-error pids are numbers
  void pglock.prioritize({ onBlocked: () => ['1'] }, () => 1);
  // @ts-expect-error no such option
  void pglock.prioritize({ every: '1s' }, () => 1);
}

export function inspection(): void {
  same<Promise<readonly PgLock[]>>()(pglock.locks.find());
  same<Promise<readonly BlockedPgLock[]>>()(pglock.blocked.find());
  same<Promise<readonly BlockingTreeNode[]>>()(pglock.blocked.tree());
  same<Promise<readonly SignalOutcome[]>>()(pglock.locks.cancelActivity({ ids: ['x'] }));
  void pglock.locks.find({
    on: ['users', User],
    where: { granted: false, activity: { duration: { gte: '5s' }, state: { in: ['idle', null as never] } } },
    limit: 25,
  });
  // @ts-expect-error no such attribute
  void pglock.locks.find({ where: { colour: 'red' } });
  // @ts-expect-error nobody blocks in pglock.locks
  void pglock.locks.find({ where: { blockingActivity: { state: 'idle' } } });
  // @ts-expect-error texts are not compared by size
  void pglock.locks.find({ where: { relName: { gt: 'a' } } });
  // @ts-expect-error a model is frozen
  void pglock.locks.find().then(([lock]) => lock && (lock.granted = true));
}

export function events(): void {
  pglock.events.on('lockLost', (event) => {
    same<'lockLost'>()(event.type);
    same<number>()(event.pid);
  });
  pglock.events.on('jobFinished', ({ tick }) => same<Date | null>()(tick));
  same<
    | 'lockLost'
    | 'sessionEnded'
    | 'selfWait'
    | 'releasedBeforeCommit'
    | 'blockerSignalled'
    | 'prioritizeFailed'
    | 'jobFinished'
    | 'jobTakenOver'
    | 'jobInterrupted'
    | 'tickMissed'
    | 'leaderElected'
    | 'leaderResigned'
    | 'leaderLost'
    | 'permitsDiffer'
  >()(null as unknown as PgLockEvent['type']);
}
