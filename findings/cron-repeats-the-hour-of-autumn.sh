#!/usr/bin/env bash
# cron 4.4.0 (of @nestjs/schedule 6 and 12): on the day on which clocks go back, `0 2 * * *` in America/New_York names two instants: 01:00 EST,
# an hour before two o'clock, and 02:00 EST. A nightly job runs twice, an hour apart, and neither run is at a repeated time of day.
source "$(dirname "$0")/support.sh"
packages cron@4.4.0 luxon@3.7.2

cat >finding.mjs <<'JS'
import { CronTime } from 'cron';
import { DateTime } from 'luxon';
const zone = 'America/New_York';
const time = new CronTime('0 2 * * *', zone);
let at = DateTime.fromISO('2026-10-31T12:00', { zone });
for (let i = 0; i < 3; i++) {
  at = time.getNextDateFrom(at.toJSDate(), zone);
  console.log(at.toUTC().toISO(), at.setZone(zone).toFormat('yyyy-MM-dd HH:mm ZZZZ'));
}
JS
node finding.mjs >seen
expect '2026-11-01T06:00:00.000Z 2026-11-01 01:00 EST
2026-11-01T07:00:00.000Z 2026-11-01 02:00 EST
2026-11-02T07:00:00.000Z 2026-11-02 02:00 EST' seen
