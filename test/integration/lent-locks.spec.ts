import { lockKey } from '../../lib/vocabulary/lock-id.js';
import { openCore, openTwo } from '../support/cores.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase();
const STICKY = { sticky: true } as const;

describe('a lock that is kept between runs, and not used', () => {
  it('is lent to a transaction of its own process at once', async () => {
    const { service } = openCore(database);
    await service.advisory('job', STICKY, () => 'run');
    await expect(service.advisory('job', { xact: true, timeout: 0 }, () => 'lent')).resolves.toBe('lent');
    await service.advisory('job', STICKY, () => 'run');
    await expect(service.advisory('job', { xact: true, timeout: '60s' }, () => 'lent')).resolves.toBe('lent');
    await service.advisory('job', STICKY, () => 'run');
    const inTransaction = service.transaction((transaction) =>
      service.acquire('job', { transaction, timeout: '60s' }).then((lock) => lock?.held),
    );
    await expect(inTransaction).resolves.toBe(true);
  });

  it('is lent to a transaction of its own process that waits for the end of a run', async () => {
    const { service } = openCore(database);
    let waiting: Promise<string> | undefined;
    await service.advisory('job', STICKY, async () => {
      waiting = service.detached(() => service.advisory('job', { xact: true, timeout: '60s' }, () => 'lent'));
      await database.waitForWaiter();
    });
    await expect(waiting).resolves.toBe('lent');
  });

  it('is lent to a transaction of another process, and taken back for the next run', async () => {
    const [one, other] = openTwo(database);
    one.jobs.start();
    const run = one.service.jobs.wrap('job', () => 'run');
    await run.call(undefined);
    expect(one.advisory.status().held).toBe(1);
    await expect(other.service.advisory('job', { xact: true, timeout: '60s' }, () => 'lent')).resolves.toBe(
      'lent',
    );
    await run.call(undefined);
    expect(one.advisory.status().held).toBe(1);
  });

  it('is lent to a transaction and to a flow of another process, where it is kept by a work that is no job', async () => {
    const [one, other] = openTwo(database);
    for (const options of [{ xact: true }, {}]) {
      await one.service.advisory('job', STICKY, () => 'run');
      const lent = other.service.advisory('job', { ...options, timeout: '60s' }, () => 'lent');
      await expect(lent).resolves.toBe('lent');
    }
  });

  it('is lent to another process that waits for any of its keys', async () => {
    const [one, other] = openTwo(database);
    one.jobs.start();
    const run = one.service.jobs.wrap('several', () => 'run', { id: ['first', 'second', 'third'] });
    await run.call(undefined);
    for (const id of ['third', 'second', 'first'])
      await expect(other.service.advisory(id, { timeout: '60s' }, () => 'lent')).resolves.toBe('lent');
  });

  it.each<[string, boolean]>([
    ['a job', true],
    ['a work that is no job', false],
  ])('of %s is lent to a session of another application, and taken back', async (_name, isJob) => {
    const { service, jobs, advisory } = openCore(database);
    jobs.start();
    const wrapped = service.jobs.wrap('job', () => 'run');
    const run = () => (isJob ? wrapped.call(undefined) : service.advisory('job', STICKY, () => 'run'));
    const django = await database.connect();
    for (let time = 0; time < 2; time++) {
      await run();
      expect(advisory.status().held).toBe(1);
      await django.query('SELECT pg_catalog.pg_advisory_lock($1)', [lockKey('job').int8]);
      expect(advisory.status().held).toBe(0);
      await django.query('SELECT pg_catalog.pg_advisory_unlock($1)', [lockKey('job').int8]);
    }
    await run();
    expect(advisory.status().held).toBe(1);
  });

  it('is not lent while a run uses it', async () => {
    const { service, advisory } = openCore(database);
    const django = await database.connect();
    let lent: Promise<unknown> | undefined;
    await service.advisory('job', STICKY, async (lock) => {
      lent = django.query('SELECT pg_catalog.pg_advisory_lock($1)', [lockKey('job').int8]);
      await database.waitForWaiter();
      expect(advisory.kept.unused()).toEqual([]);
      expect(lock.held).toBe(true);
    });
    await lent;
    await django.query('SELECT pg_catalog.pg_advisory_unlock_all()');
  });

  it('is looked at by no statement while nothing is kept', async () => {
    const { advisory, service } = openCore(database);
    await service.advisory('job', () => 'run');
    expect(advisory.kept.unused()).toEqual([]);
    await service.advisory('job', STICKY, () => 'run');
    expect(advisory.kept.unused().map(({ text }) => text)).toEqual([lockKey('job').text]);
  });
});
