import { advisoryKey } from '../../lib/index.js';
import { cliFolder } from '../support/cli.js';
import { useDatabase } from '../support/database.js';

describe('pglock key', () => {
  const db = useDatabase();
  /** No command here talks to a server. */
  const NOWHERE = { DATABASE_URL: 'postgres://127.0.0.1:1/nowhere' };

  /** What a key is printed as, by the word before it. */
  async function printed(id: string, folder = cliFolder(db)): Promise<Record<string, string>> {
    const { code, stdout, stderr } = await folder.pglock(['key', id], NOWHERE);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    return Object.fromEntries(lines.map((line) => [line.slice(0, 9).trim(), line.slice(10)]));
  }

  /** `classid:objid:objsubid` of the one advisory lock that is taken by this SQL, as `pg_locks` shows it. */
  async function lockedBy(sql: string): Promise<string | undefined> {
    const client = await db.connect();
    try {
      await client.query('BEGIN');
      await client.query(sql);
      const { rows } = await client.query<{ key: string }>(
        `SELECT format('classid %s, objid %s, objsubid %s', classid, objid, objsubid) AS key
         FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`,
      );
      expect(rows).toHaveLength(1);
      return rows[0]?.key;
    } finally {
      await client.end();
    }
  }

  it.each([
    'billing.close',
    "it's grüße 🔒",
    '42',
    '-42',
    '0x2a',
    '0xdf42c118c20a9b7e',
    '9223372036854775807',
    '-9223372036854775808',
    '1074944137,7',
    '-1,-2147483648',
    '"42"',
  ])('prints SQL that locks what pg_locks then shows: %s', async (id) => {
    const { sql = '', pg_locks: shown } = await printed(id);
    expect(await lockedBy(sql)).toBe(shown);
  });

  it('prints for a text the SQL that computes its key in the database', async () => {
    for (const id of ['billing.close', "it's grüße 🔒", '"42"']) {
      const { 'from text': computes = '', number, pair, hex } = await printed(id);
      const { rows } = await db.admin.query<{ bit_or: string }>(computes);
      expect(rows[0]?.bit_or).toBe(number);
      const { classId, objId } = advisoryKey(id === '"42"' ? '42' : id);
      expect(pair).toBe(`${String(classId | 0)},${String(objId | 0)}`);
      expect(hex).toBe(`0x${((BigInt(classId) << 32n) | BigInt(objId)).toString(16)}`);
    }
  });

  it('puts the namespace before a text, and names who else takes the key', async () => {
    const folder = cliFolder(db);
    folder.write(
      'pglock.config.json',
      JSON.stringify({ namespace: 'shop:', names: [{ name: 'nightly', key: 4711 }] }),
    );
    expect(await printed('billing', folder)).toMatchObject({
      id: 'shop:billing',
      number: (await printed('shop:billing')).number,
    });
    expect((await printed('4711', folder))['used by']).toContain('nightly');
    expect((await printed('72707369'))['used by']).toContain('prisma migrate');
  });

  it('prints JSON, with the key as pg_locks shows it', async () => {
    const { pglock } = cliFolder(db);
    const { code, stdout } = await pglock(['key', 'billing.close', '--json'], NOWHERE);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ id: 'billing.close', key: advisoryKey('billing.close') });
  });

  it.each([
    [[], /missing required argument/],
    [[''], /key|id/i],
    [['9223372036854775808'], /9223372036854775808/],
    [['1,99999999999'], /99999999999/],
    [['--jsn'], /unknown option '--jsn'/],
    [['billing', '--jsn'], /too many arguments|unknown option/],
  ])('refuses what is no key: %j', async (args, message) => {
    const { pglock } = cliFolder(db);
    const { code, stdout, stderr } = await pglock(['key', ...args], NOWHERE);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});
