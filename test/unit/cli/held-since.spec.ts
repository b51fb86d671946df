import { heldSince } from '../../../lib/cli/commands/held-since.js';
import type { PgLock } from '../../../lib/inspection/pg-lock.js';

describe('since when a lock is held', () => {
  it('is believed of those only who have the role of the holder', () => {
    const since = new Date('2026-01-02T00:00:00Z');
    const backendStart = new Date('2026-01-01T00:00:00Z');
    const row = {
      granted: true,
      advisoryKey: { classId: 0, objId: 7, objSubId: 1 },
      activity: { pid: 10, applicationName: 'api pglock:locks', backendStart },
    } as unknown as PgLock;
    const report = { key: '0:7:1', pid: 10, speaker: 20, since, waiting: 0 };
    const roles = (holder: string, speaker: string) =>
      new Map([
        [10, holder],
        [20, speaker],
      ]);
    expect(heldSince(row, [report], roles('5', '5'))).toEqual(since);
    expect(heldSince(row, [report], roles('5', '6'))).toBeNull();
    expect(heldSince(row, [report], new Map([[10, '5']]))).toBeNull();
    expect(heldSince(row, [{ ...report, key: '0:8:1' }], roles('5', '5'))).toBeNull();
    expect(heldSince(row, [{ ...report, since: new Date(0) }], roles('5', '5'))).toEqual(backendStart);
    expect(heldSince({ ...row, granted: false }, [report], roles('5', '5'))).toBeNull();
  });
});
