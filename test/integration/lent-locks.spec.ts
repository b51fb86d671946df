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
});
