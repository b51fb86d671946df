import type { DiscoveryService } from '@nestjs/core';
import { SchedulerTimers } from '../../../lib/nest/scheduler-timers.js';

const cronJob = (onComplete?: unknown) => ({ cronTime: {}, onComplete }) as never;

function timersOver(...registries: Map<string, never>[]) {
  const providers = registries.map((jobs) => ({
    name: 'SchedulerRegistry',
    instance: { getCronJobs: () => jobs },
  }));
  return new SchedulerTimers({ getProviders: () => providers } as unknown as DiscoveryService);
}

describe('the cron jobs of one mark', () => {
  const mark = () => undefined;

  it('are found in every registry', () => {
    const [a, b] = [cronJob(mark), cronJob(mark)];
    const timers = timersOver(new Map([['a', a]]), new Map([['b', b]]));
    expect(timers.cronJobsMarked(mark)).toEqual([a, b]);
  });

  it('are found when they are added later', () => {
    const jobs = new Map<string, never>();
    const timers = timersOver(jobs);
    expect(timers.cronJobsMarked(mark)).toEqual([]);
    const job = cronJob(mark);
    jobs.set('job', job);
    expect(timers.cronJobsMarked(mark)).toEqual([job]);
  });

  it('are gone at once when they are deleted, also where another job was added in between', () => {
    const jobs = new Map([['job', cronJob(mark)]]);
    const timers = timersOver(jobs);
    expect(timers.cronJobsMarked(mark)).toHaveLength(1);
    jobs.delete('job');
    jobs.set('other', cronJob());
    expect(timers.cronJobsMarked(mark)).toEqual([]);
  });

  it('are the new ones where one was replaced under its name', () => {
    const jobs = new Map([['job', cronJob(mark)]]);
    const timers = timersOver(jobs);
    timers.cronJobsMarked(mark);
    const replaced = cronJob(mark);
    jobs.set('job', replaced);
    expect(timers.cronJobsMarked(mark)).toEqual([replaced]);
  });
});
