import { EventEmitter } from 'node:events';
import type { Logger } from '@nestjs/common';
import type { LockDatabase } from '../../../lib/core/lock-database.js';
import type { Job } from '../../../lib/jobs/job.js';
import type { Jobs } from '../../../lib/jobs/jobs.js';
import { logJobs } from '../../../lib/nest/job-log.js';

/** What is warned of at boot of a job whose ticks are caught up for `windowMs`. */
function warned(windowMs: number, catchUpMs: number | undefined): string[] {
  const lines: string[] = [];
  const logger = { log: () => undefined, warn: (line: string) => lines.push(line) };
  const jobs: Partial<Jobs> = {};
  const database = { events: new EventEmitter(), options: { sessions: { leaseMs: 5_000 } } };
  logJobs(jobs as Jobs, logger as unknown as Logger, database as unknown as LockDatabase);
  const definition = {
    name: 'Reports.rebuild',
    ids: 'r',
    schedule: '* * * * * *',
    hasTicks: true,
    catchUpMs,
  };
  jobs.onScheduled?.({ windowMs, definition, clock: { next: undefined } } as unknown as Job);
  return lines;
}

describe('a job whose ticks are caught up for less than the lease', () => {
  it('is warned of where that was chosen', () => {
    expect(warned(3_000, 3_000)).toEqual([expect.stringContaining('Raise catchUp')]);
  });

  it('is not warned of where its period is so short, as in the quick start, or where none are to be caught up', () => {
    expect(warned(1_000, undefined)).toEqual([]);
    expect(warned(0, 0)).toEqual([]);
    expect(warned(30_000, 30_000)).toEqual([]);
  });
});
