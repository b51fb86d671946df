#!/usr/bin/env bash
# cron 4.4.0 (of @nestjs/schedule 6 and 12): a job of one date, `@Cron(new Date(…))`, may throw `Date in past` out of its own timer. Where the timer
# fires a millisecond before the date, the job asks for the time that is left; if the date has come by then, that throws. The error is uncaught,
# which ends the process, and the job never runs. Two to four of 6 000 dates here.
source "$(dirname "$0")/support.sh"
packages cron@4.4.0

cat >finding.mjs <<'JS'
import { CronJob } from 'cron';
const jobs = 6_000;
let ran = 0;
const uncaught = [];
process.on('uncaughtException', ({ message }) => uncaught.push(message));
for (let round = 0; round < 20 && uncaught.length === 0; round++) {
  ran = 0;
  const from = Date.now() + 3_000;
  const started = Array.from({ length: jobs }, (_, i) => new CronJob(new Date(from + i), () => ran++, null, true));
  while (started.some((job) => job.isActive) && Date.now() < from + jobs + 1_000) await new Promise((resolve) => setTimeout(resolve, 500));
}
console.log(new Set(uncaught), 'uncaught instead of a run:', uncaught.length > 0 && ran + uncaught.length === jobs);
JS
node finding.mjs >seen
expect "Set(1) { 'WARNING: Date in past. Will never be fired.' } uncaught instead of a run: true" seen
