import { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import { openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';

const db = useDatabase();

/** The error of a lock that is not had, of the first attempt after which the holder was told in time: the machine may be busy. */
const refusal = (attempt: () => Promise<unknown>): Promise<LockNotAvailableError> =>
  eventually(async () => {
    const error = await attempt().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(LockNotAvailableError);
    return (error as LockNotAvailableError).holder === undefined
      ? undefined
      : (error as LockNotAvailableError);
  });

describe('LockNotAvailableError.holder', () => {
  it.each([
    ['tried once', { timeout: 0, onContention: 'throw' }],
    ['waited for', { timeout: 150, onContention: 'throw' }],
  ] as const)('names the session that holds the lock: %s', async (_, options) => {
    const holder = await db.connect({ application_name: 'night job' });
    await holder.query('SELECT pg_advisory_lock(42)');
    const { service } = openCore(db);
    const error = await refusal(() => service.acquire(42, options));
    expect(error.holder).toEqual({
      pid: db.pidOf(holder),
      applicationName: 'night job',
      clientAddress: '127.0.0.1',
    });
    expect(error.message).toContain(`Held by backend ${db.pidOf(holder)} (night job, 127.0.0.1).`);
    await holder.end();
  });

  it('is there for a lock in a transaction, and for one of several', async () => {
    const holder = await db.connect({ application_name: 'night job' });
    await holder.query('SELECT pg_advisory_lock(43)');
    const { service } = openCore(db);
    const pid = db.pidOf(holder);
    const xact = () => service.advisory(43n, { xact: true, timeout: 0 }, () => undefined);
    expect((await refusal(xact)).holder).toMatchObject({ pid });
    const several = () => service.advisory([42n, 43n], { timeout: 0 }, () => undefined);
    expect((await refusal(several)).holder).toMatchObject({ pid });
    await holder.end();
  });

  it.each([
    ['tried once', { timeout: 0 }],
    ['waited for', { timeout: 150 }],
  ] as const)('names of several ids in a transaction never the one that asks: %s', async (_, options) => {
    const holder = await db.connect({ application_name: 'night job' });
    await holder.query('SELECT pg_advisory_lock(52)');
    const { service } = openCore(db);
    const pid = db.pidOf(holder);
    const ids = [51n, 52n, 53n];
    const own = () => service.advisory(ids, { xact: true, ...options }, () => undefined);
    expect((await refusal(own)).holder).toMatchObject({ pid, applicationName: 'night job' });
    await service.transaction(async (tx) => {
      // What the transaction itself holds shared, it does not hold against itself.
      await service.acquire(51n, { transaction: tx, shared: true });
      const given = () => service.acquire(ids, { transaction: tx, ...options, onContention: 'throw' });
      const error = await refusal(given);
      expect(error.holder).toMatchObject({ pid });
      expect(error.message).toMatch(/Held by backend \d+ \(night job, 127\.0\.0\.1\)\.$/);
    });
    await holder.end();
  });

  it('of permits is one that has a permit, and not one that holds the id itself', async () => {
    const other = await db.connect({ application_name: 'night job' });
    await other.query('SELECT pg_advisory_lock(54)');
    const [a, b] = [openCore(db), openCore(db)];
    const permit = await a.service.acquire(54n, { permits: 2 });
    const second = await a.service.acquire(54n, { permits: 2 });
    const refused = () => b.service.acquire(54n, { permits: 2, timeout: 0, onContention: 'throw' });
    expect((await refusal(refused)).holder).toMatchObject({
      pid: permit!.pid,
      applicationName: 'pglock:locks',
    });
    await second?.release();
    await permit?.release();
    await other.end();
  });

  it('costs a skip nothing', async () => {
    const holder = await db.connect();
    await holder.query('SELECT pg_advisory_lock(42)');
    const { service } = openCore(db);
    expect(await service.acquire(42, { timeout: 0 })).toBeNull();
    const applications = (await db.sessions()).map(({ applicationName }) => applicationName);
    expect(applications.filter((name) => name.includes('inspection'))).toEqual([]);
    await holder.end();
  });
});
