import cronstrue from 'cronstrue';
import type { Job } from '../wire.js';

/** A schedule in words; what is no cron expression is words already. */
export function scheduleText(schedule: string): string {
  try {
    return cronstrue.toString(schedule, { use24HourTimeFormat: true });
  } catch {
    return schedule;
  }
}

/** Who keeps the lock of a job between its runs. */
export function holderText({ holder }: Job): string {
  return holder === null ? 'no replica' : `${holder.replica}, pid ${holder.pid}`;
}
