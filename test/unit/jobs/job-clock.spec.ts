import { jest } from '@jest/globals';
import { CronJob, CronTime } from 'cron';
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
    const latest = () => Math.floor((Date.now() + 20) / 1_000) * 1_000;
    const [before, at, after] = [latest(), clock.take(), latest()];
    expect([before, after]).toContain(at);
    const again = clock.take(); // the next one, where it has come between the two
    expect(again === undefined || again > at!).toBe(true);
    if (latest() === before) expect(again).toBeUndefined();
    expect(clock.periodMs).toBe(1_000);
    clock.stop();
    await Promise.resolve();
  });

  it('follows setTime(), although it was asked for the next instant before one has come', async () => {
    const job = { cronTime: new CronTime('0 0 1 1 *', 'UTC', null), isActive: true };
    const clock = new JobClock(() => [job], quiet);
    clock.start();
    job.cronTime = new CronTime('* * * * * *', 'UTC', null);
    expect(clock.next).toBeLessThanOrEqual(Date.now() + 1_000);
    expect(clock.periodMs).toBe(1_000);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect(clock.take()).toBeLessThanOrEqual(Date.now() + 20);
    clock.stop();
  });

  it('takes two calls in one turn for timers, as cron makes them where its timer was late', async () => {
    jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const calls: boolean[] = [];
    const onTick = () => void calls.push(clock.isTimer());
    const job = CronJob.from({ cronTime: '0 0 1 1 *', onTick, unrefTimeout: true });
    const clock = new JobClock(() => [job], quiet);
    // Fires once; then the next instant has come meanwhile; the one after it is far away.
    const timeout = () => (job.lastDate() === null ? 1 : calls.length === 0 ? -1 : 1_000_000);
    jest.spyOn(job.cronTime, 'getTimeout').mockImplementation(timeout);
    job.start();
    while (calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(calls).toEqual([true, true]);
    await job.fireOnTick();
    expect(calls).toEqual([true, true, false]);
    jest.restoreAllMocks();
  });

  it('tells two timers apart that fire in one millisecond, and no call by hand from them', async () => {
    const now = Date.now();
    let last = new Date(now);
    const cronTime = new CronTime('* * * * * *', 'UTC', null);
    const job = { cronTime, isActive: true, lastDate: () => last };
    const clock = new JobClock(() => [job], quiet);
    expect(clock.isTimer()).toBe(true);
    await Promise.resolve();
    expect(clock.isTimer()).toBe(false);
    last = new Date(now);
    expect(clock.isTimer()).toBe(true);
  });
});
