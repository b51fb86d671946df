#!/usr/bin/env bash
# cron 4.4.0: a CronTime with a utcOffset computes its next date in that offset by sendAt(), and without it by getNextDateFrom(): what
# asks for "the next run after this instant" is hours off.
source "$(dirname "$0")/support.sh"
packages cron@4.4.0

cat >finding.mjs <<'JS'
import { CronTime } from 'cron';
const noonAtPlusFive = new CronTime('0 0 12 * * *', undefined, 300);
const hour = (date) => `${date.toUTC().toFormat('HH:mm')} UTC`;
console.log(`sendAt: ${hour(noonAtPlusFive.sendAt())}`);
console.log(`getNextDateFrom: ${hour(noonAtPlusFive.getNextDateFrom(new Date('2026-11-27T00:00:00Z')))}`);
JS
TZ=UTC node finding.mjs >seen || true
expect 'sendAt: 07:00 UTC
getNextDateFrom: 12:00 UTC' seen
