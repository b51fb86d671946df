import { CronTime } from 'cron';
import { JobClock } from '../../../lib/jobs/job-clock.js';

const quiet = { onInstant: () => undefined, onFound: () => undefined, onIdleInstant: () => undefined };

describe('the clock of a job', () => {
  it.each([
    ['* * * * * *', 1_000],
    ['*/20 * * * * *', 20_000],
    ['0 * * * *', 3_600_000],
  ])('knows the period of %s at whatever moment it is asked', async (source, periodMs) => {
    const cronTime = new CronTime(source, 'UTC', null);
    const clock = new JobClock(() => [{ cronTime, isActive: true }], quiet);
    for (let asked = 0; asked < 5; asked++) {
      expect(clock.periodMs).toBe(periodMs);
      await new Promise((resolve) => setTimeout(resolve, 130));
    }
  });

  it('hands out each instant once, the latest of several', async () => {
    const cronTime = new CronTime('* * * * * *', 'UTC', null);
    const clock = new JobClock(() => [{ cronTime, isActive: true }], quiet);
    clock.start();
    const until = Date.now() + 2_200;
    while (Date.now() < until); // the event loop is blocked
    const at = clock.take();
    expect(at).toBe(Math.floor((Date.now() + 20) / 1_000) * 1_000);
    expect(clock.take()).toBeUndefined();
    expect(clock.periodMs).toBe(1_000);
    clock.stop();
    await Promise.resolve();
  });
});
