import { CronTime } from 'cron';
import { CronInstants } from '../../../lib/jobs/cron-instants.js';

const at = (text: string) => new Date(text).getTime();
const instants = (source: string | Date, zone: string | null = 'UTC', offset: number | null = null) =>
  new CronInstants(new CronTime(source, zone as null, offset));

describe('the instants of a cron expression', () => {
  it('are those later than a moment, whatever its milliseconds', () => {
    const everyTen = instants('*/10 * * * * *');
    expect(everyTen.after(at('2026-03-01T10:00:00.000Z'))).toBe(at('2026-03-01T10:00:10.000Z'));
    expect(everyTen.after(at('2026-03-01T10:00:09.999Z'))).toBe(at('2026-03-01T10:00:10.000Z'));
    expect(everyTen.after(at('2026-03-01T10:00:10.001Z'))).toBe(at('2026-03-01T10:00:20.000Z'));
  });

  it('follow the time zone, and an offset, which CronTime itself ignores here', () => {
    const summer = at('2026-07-01T00:00:00Z');
    expect(instants('0 2 * * *', 'Europe/Berlin').after(summer)).toBe(at('2026-07-02T00:00:00Z'));
    expect(instants('0 2 * * *', null, 330).after(summer)).toBe(at('2026-07-01T20:30:00Z'));
    expect(instants('0 2 * * *', null, -90).after(summer)).toBe(at('2026-07-01T03:30:00Z'));
    expect(new CronTime('0 2 * * *', null, 330).getNextDateFrom(new Date(summer), 'UTC').toMillis()).toBe(
      at('2026-07-01T02:00:00Z'),
    );
  });

  it('are two where autumn repeats the hour, as cron fires', () => {
    const night = instants('0 2 * * *', 'America/New_York');
    const first = night.after(at('2026-11-01T04:00:00Z'));
    expect(first).toBe(at('2026-11-01T06:00:00Z'));
    expect(night.after(first!)).toBe(at('2026-11-01T07:00:00Z'));
  });

  it('end with one date', () => {
    const once = instants(new Date('2026-03-01T10:00:00.500Z'));
    expect(once.after(at('2026-03-01T10:00:00.499Z'))).toBe(at('2026-03-01T10:00:00.500Z'));
    expect(once.after(at('2026-03-01T10:00:00.500Z'))).toBeUndefined();
    expect(once.lastIn(at('2026-03-01T09:00:00Z'), at('2026-03-01T11:00:00Z'))).toBe(
      at('2026-03-01T10:00:00.500Z'),
    );
  });

  it('are none for a day that never comes', () => {
    expect(instants('0 0 30 2 *').after(0)).toBeUndefined();
    expect(instants('0 0 30 2 *').lastIn(0, 1_000_000)).toBeUndefined();
  });

  it.each([
    ['* * * * * *', '2026-03-01T10:00:00Z', '2026-03-01T10:00:07.300Z', '2026-03-01T10:00:07Z'],
    ['* * 2 * * *', '2026-03-01T00:00:00Z', '2026-03-01T12:00:00Z', '2026-03-01T02:59:59Z'],
    ['0 2 * * *', '2026-01-01T00:00:00Z', '2026-03-01T12:00:00Z', '2026-03-01T02:00:00Z'],
    ['0 2 * * *', '2026-03-01T02:00:00Z', '2026-03-01T12:00:00Z', undefined],
    ['0 2 29 2 *', '2024-01-01T00:00:00Z', '2026-03-01T12:00:00Z', '2024-02-29T02:00:00Z'],
  ])('finds the last of %s in (%s, %s]', (source, since, until, expected) => {
    expect(instants(source).lastIn(at(since), at(until))).toBe(expected && at(expected));
  });

  it('looks back over a long window in few steps', () => {
    let asked = 0;
    const time = new CronTime('* * * * * *', 'UTC', null);
    const counted = new CronInstants({
      realDate: false,
      source: time.source,
      timeZone: 'UTC',
      getNextDateFrom: (start: Date, zone?: string) => {
        asked++;
        return time.getNextDateFrom(start, zone);
      },
    });
    const now = at('2026-03-01T10:00:00.500Z');
    expect(counted.lastIn(now - 30 * 86_400_000, now)).toBe(at('2026-03-01T10:00:00Z'));
    expect(asked).toBeLessThan(60);
  });

  it('are counted between two moments, both left out', () => {
    const everyTen = instants('*/10 * * * * *');
    expect(everyTen.countIn(at('2026-03-01T10:00:00Z'), at('2026-03-01T10:01:00Z'))).toBe(5);
    expect(everyTen.countIn(at('2026-03-01T10:00:00Z'), at('2026-03-01T10:00:00Z'))).toBe(0);
    expect(instants('* * * * * *').countIn(0, 1e12)).toBe(1_000);
  });
});
