import { setTimeout as delay } from 'node:timers/promises';
import { cliFolder } from '../support/cli.js';
import { openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';

const APART_MS = 1_500;

interface Listed {
  readonly advisoryId: string | null;
  readonly heldSince: string | null;
}

describe('since when a lock is held', () => {
  const db = useDatabase();

  it('is told by the process that holds it, to the command of any role, and not by the age of its session', async () => {
    const { pglock } = cliFolder(db);
    const application = await db.role('orders');
    const other = await db.role('dba', 'IN ROLE pg_read_all_stats');
    const { service } = openCore(db, {
      connection: { connectionString: application.url, application_name: 'orders-api' },
    });
    const first = Date.now();
    const early = await service.acquire('early');
    await delay(APART_MS);
    const second = Date.now();
    const late = await service.acquire('late');
    expect(early?.pid).toBe(late?.pid);
    for (const url of [db.url, application.url, other.url])
      // Both clocks are one here; an answer takes its time, and one that takes more than a second is not waited for.
      await eventually(async () => {
        const { stdout } = await pglock(['--id', 'early', '--id', 'late', '--json', '-d', url]);
        const rows = JSON.parse(stdout) as Listed[];
        const at = (name: string) =>
          Date.parse(rows.find(({ advisoryId }) => advisoryId === name)?.heldSince ?? '');
        expect(at('early')).toBeGreaterThanOrEqual(first - 100);
        expect(at('early')).toBeLessThan(second);
        expect(at('late')).toBeGreaterThanOrEqual(second - 100);
        return true;
      });
    await late?.release();
    const again = await service.acquire('late');
    await eventually(async () => {
      const { stdout } = await pglock(['--id', 'early', '--id', 'late', '-s', 'advisoryKey']);
      const ages = stdout
        .split('\n')
        .flatMap((line) => / idle +(\d+(?:\.\d+)?) ?(ms|s)\b/.exec(line)?.slice(1).join('') ?? []);
      expect({ stdout, ages: ages.length }).toEqual({ stdout, ages: 2 });
      expect(new Set(ages).size).toBe(2);
      return true;
    });
    await again?.release();
    await early?.release();
  });

  it('comes with the id, for those to whom the server shows what the session does', async () => {
    const { pglock } = cliFolder(db);
    const [application, reader, other] = await Promise.all([
      db.role('named'),
      db.role('reader', 'IN ROLE pg_read_all_stats'),
      db.role('stranger'),
    ]);
    const [holder, waiter] = [1, 2].map(() => openCore(db, { connection: application.url }).service);
    const lock = await holder?.acquire('billing.close');
    const waits = waiter?.advisory('billing.close', () => 'done');
    const idsFor = async (url: string) => {
      const { stdout } = await pglock(['-f', 'type=ADVISORY', '--json', '-d', url]);
      return (JSON.parse(stdout) as Listed[]).map(({ advisoryId }) => advisoryId);
    };
    for (const { url } of [application, reader])
      await eventually(async () => {
        expect(await idsFor(url)).toEqual(['billing.close', 'billing.close']);
        return true;
      });
    expect((await pglock(['-d', application.url])).stdout).toContain('billing.close');
    await eventually(async () => {
      expect((await pglock(['tree', '-d', application.url])).stdout).toContain('billing.close');
      return true;
    });
    expect((await pglock(['tree', '-d', other.url])).stdout).not.toContain('billing.close');
    expect(await idsFor(other.url)).not.toContain('billing.close');
    await lock?.release();
    await expect(waits).resolves.toBe('done');
  });

  it('is a column, and an attribute of those that are shown expanded', async () => {
    const { pglock } = cliFolder(db);
    const { service } = openCore(db);
    const lock = await service.acquire('early');
    const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
    await eventually(async () => {
      const column = (await pglock(['--id', 'early', '-a', 'heldSince'])).stdout.split('\n');
      expect(column[0]).toBe('heldSince');
      expect(column[1]).toMatch(time);
      const { stdout } = await pglock(['--id', 'early', '-e']);
      expect(/^heldSince: (.*)$/m.exec(stdout)?.[1]).toMatch(time);
      return true;
    });
    await lock?.release();
  });

  it('is not known of what other software holds, and costs its listing nothing', async () => {
    const { pglock } = cliFolder(db);
    const client = await db.connect();
    await client.query('SELECT pg_advisory_lock(7)');
    const watched = await db.connect();
    await watched.query('LISTEN pglock');
    const told: unknown[] = [];
    watched.on('notification', (notification) => told.push(notification));
    const rows = JSON.parse((await pglock(['--id', '7', '--json'])).stdout) as Listed[];
    expect(rows.map((row) => row.heldSince)).toEqual([null]);
    await watched.query('SELECT');
    expect(told).toEqual([]);
    await client.end();
  });
});
