import { Test } from '@nestjs/testing';
import { PgLockService } from '../../../lib/index.js';
import { PgLockTesting, PgLockTestingModule } from '../../../lib/testing/index.js';

async function boot() {
  const module = await Test.createTestingModule({ imports: [PgLockTestingModule.forRoot()] }).compile();
  return { module, pglock: module.get(PgLockService), testing: module.get(PgLockTesting) };
}

describe('leadership and permits in the testing kit', () => {
  it('leads, loses the lead, and leads again', async () => {
    const { module, pglock, testing } = await boot();
    const terms: bigint[] = [];
    const led = pglock.lead('poller', async ({ term, signal }) => {
      terms.push(term);
      expect(pglock.isLeader('poller')).toBe(true);
      if (terms.length === 2) return 'twice';
      testing.loseLock('leader:poller');
      expect(signal.aborted).toBe(true);
      await Promise.resolve();
      return 'once';
    });
    expect(await led).toBe('twice');
    expect(terms[1]).toBeGreaterThan(terms[0]!);
    expect(await pglock.leaders.find()).toEqual([]);
    await module.close();
  });

  it('gives as many permits as were asked for', async () => {
    const { module, pglock } = await boot();
    const options = { permits: 2, timeout: 0 } as const;
    const [one, two, three] = [
      await pglock.acquire('gpu', options),
      await pglock.acquire('gpu', options),
      await pglock.acquire('gpu', options),
    ];
    expect([one?.permit, two?.permit, three]).toEqual([1, 2, null]);
    await one!.release();
    expect((await pglock.acquire('gpu', options))?.permit).toBe(1);
    await module.close();
  });
});
