import { setTimeout as delay } from 'node:timers/promises';
import type { PgLockCore } from '../../lib/core/pg-lock-core.js';
import { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import type { PgLock } from '../../lib/inspection/pg-lock.js';
import { openCore } from '../support/cores.js';
import { eventually, inOneOf, useDatabase } from '../support/database.js';
import { errorsOf, serverLog } from '../support/server-log.js';

const db = useDatabase({
  schema: 'CREATE TABLE awaited (id int); CREATE TABLE held (id int); CREATE SCHEMA other',
});
/** Everything below is held, or waited for, longer than an administrator's limit. */
const SHORT = '300ms';
const LONGER_MS = 1_000;
const PATIENT = '60s';

interface Case {
  readonly setting: string;
  readonly value: string;
  /** The first major that has it. */
  readonly since?: number;
  /** What the setting is there to end; everything else goes on. */
  readonly ends?: readonly ('holds in transactions' | 'waits in transactions')[];
}

const CASES: readonly Case[] = [
  { setting: 'statement_timeout', value: SHORT, ends: ['waits in transactions'] },
  {
    setting: 'transaction_timeout',
    value: SHORT,
    since: 17,
    ends: ['holds in transactions', 'waits in transactions'],
  },
  { setting: 'lock_timeout', value: SHORT },
  { setting: 'idle_session_timeout', value: SHORT, since: 14 },
  { setting: 'idle_in_transaction_session_timeout', value: SHORT, ends: ['holds in transactions'] },
  { setting: 'deadlock_timeout', value: '10ms' },
  { setting: 'deadlock_timeout', value: '1h' },
  { setting: 'log_lock_waits', value: 'on' },
  { setting: 'default_transaction_read_only', value: 'on' },
  { setting: 'default_transaction_isolation', value: 'serializable' },
  { setting: 'default_transaction_deferrable', value: 'on' },
  { setting: 'client_min_messages', value: 'error' },
  { setting: 'client_min_messages', value: 'debug1' },
  { setting: 'search_path', value: 'other, public' },
  { setting: 'DateStyle', value: 'German, DMY' },
  { setting: 'IntervalStyle', value: 'sql_standard' },
  { setting: 'TimeZone', value: 'Asia/Kathmandu' },
  { setting: 'bytea_output', value: 'escape' },
  { setting: 'extra_float_digits', value: '-15' },
  { setting: 'tcp_keepalives_idle', value: '1' },
  { setting: 'tcp_user_timeout', value: '1s' },
  { setting: 'client_connection_check_interval', value: '10ms', since: 14 },
  { setting: 'standard_conforming_strings', value: 'off' },
  { setting: 'synchronous_commit', value: 'off' },
  { setting: 'jit_above_cost', value: '0' },
];

const WAITS = ['a session-level wait', 'a wait in a transaction', 'a wait for a table'] as const;
const ALL = ['a session-level lock', 'a lock in a transaction', 'a table lock', ...WAITS] as const;
/** What is ended says by what. */
const ENDED: Record<string, RegExp> = {
  'a lock in a transaction': /^LockLostError: .*(terminating connection due to|session)/s,
  'a table lock': /^(TransactionStateError|Error): /,
  'a wait in a transaction':
    /^error: canceling statement due to statement timeout|^TransactionStateError: .*due to transaction timeout/,
  'a wait for a table':
    /^error: canceling statement due to statement timeout|^TransactionStateError: .*due to transaction timeout/,
};
const IN_TRANSACTIONS = {
  'holds in transactions': ['a lock in a transaction', 'a table lock'],
  'waits in transactions': ['a wait in a transaction', 'a wait for a table'],
} as const;

const LOCKED = { on: 'held', ids: [-5n], orderBy: ['activityId', 'type'] } as const;

let roles = 0;
let major = 0;

beforeAll(async () => {
  const { rows } = await db.admin.query<{ v: string }>(`SELECT current_setting('server_version_num') AS v`);
  major = Math.floor(Number(rows[0]?.v) / 10_000);
});

/** A role with settings, in the order given. */
async function roleWith(
  settings: readonly Pick<Case, 'setting' | 'value'>[],
  attributes = '',
): Promise<{ readonly name: string; readonly url: string }> {
  const role = await db.role(`of_${String(++roles)}`, attributes);
  for (const one of settings) await db.admin.query(`ALTER ROLE ${role.name} ${setting(one)}`);
  await db.admin.query(`GRANT ALL ON awaited, held TO ${role.name}`);
  return role;
}

const setting = ({ setting, value }: Pick<Case, 'setting' | 'value'>): string =>
  `SET ${setting} = ${setting === 'search_path' ? value : `'${value}'`}`;

/** The backends that sessions of a role were seen on, until the test ends. */
function backendsOf(role: string): ReadonlySet<number> {
  const pids = new Set<number>();
  const look = setInterval(() => {
    void db.admin
      .query<{ pid: number }>('SELECT pid FROM pg_stat_activity WHERE usename = $1', [role])
      .then(({ rows }) => rows.forEach(({ pid }) => pids.add(pid)));
  }, 50);
  db.defer(() => clearInterval(look));
  return pids;
}

/** Everything at once, each for longer than a limit: what became of it. */
async function tryAll({ service }: PgLockCore): Promise<Record<string, string>> {
  const holder = await db.connect();
  await holder.query('BEGIN; LOCK TABLE awaited; SELECT pg_advisory_xact_lock(1), pg_advisory_xact_lock(2)');
  const patient = { timeout: PATIENT, onContention: 'throw' } as const;
  const work: Record<(typeof ALL)[number], () => Promise<unknown>> = {
    'a session-level lock': () =>
      service.advisory(3n, patient, async (lock) => {
        await delay(LONGER_MS);
        lock.signal.throwIfAborted();
      }),
    'a lock in a transaction': () =>
      service.advisory(4n, { xact: true }, async (lock) => {
        await delay(LONGER_MS);
        lock.signal.throwIfAborted();
        await lock.client.query('SELECT');
      }),
    'a table lock': () =>
      service.transaction(async (tx) => {
        await service.model('public.held', { onContention: 'throw' });
        await delay(LONGER_MS);
        await tx.query('SELECT');
      }),
    'a session-level wait': () => service.advisory(1n, patient, () => undefined),
    'a wait in a transaction': () => service.advisory(2n, { ...patient, xact: true }, () => undefined),
    'a wait for a table': () => service.transaction(() => service.model('public.awaited', patient)),
  };
  const outcomes: Record<string, string> = {};
  const works = Object.entries(work).map(async ([name, run]) => {
    outcomes[name] = await run().then(() => 'goes on', told);
  });
  await eventually(async () => {
    const waiting = (await db.sessions()).filter(({ blockedBy }) => blockedBy.length > 0);
    return waiting.length + WAITS.filter((name) => name in outcomes).length === WAITS.length;
  });
  await delay(LONGER_MS);
  await holder.query('COMMIT');
  await Promise.all(works);
  await holder.end();
  return outcomes;
}

const told = (error: unknown): string => `${(error as Error).name}: ${(error as Error).message}`;

describe("an administrator's setting", () => {
  it.each(CASES)('of a role: $setting = $value', async ({ ends = [], since = 0, ...one }) => {
    if (since > major) return;
    const role = await roleWith([one]);
    const ended = ends.flatMap((what) => IN_TRANSACTIONS[what] as readonly string[]);
    const goOn = ALL.filter((name) => !ended.includes(name));
    // A machine that stands still makes statements and pauses longer than the limit that are not.
    await inOneOf(8, async () => {
      const pids = backendsOf(role.name);
      const outcomes = await tryAll(openCore(db, { connection: role.url }));
      expect(goOn.map((name) => [name, outcomes[name]])).toEqual(goOn.map((name) => [name, 'goes on']));
      for (const name of ended) expect(outcomes[name]).toMatch(ENDED[name]!);
      if (ends.length === 0) expect(await errorsOf(db, pids)).toEqual([]);
    });
  });

  it('of the database: all that end nothing, at once', async () => {
    const all = CASES.filter(({ ends, since = 0 }) => ends === undefined && since <= major);
    for (const one of all) await db.admin.query(`ALTER DATABASE ${db.name} ${setting(one)}`);
    try {
      const role = await roleWith([]);
      await inOneOf(8, async () => {
        const pids = backendsOf(role.name);
        const outcomes = await tryAll(openCore(db, { connection: role.url }));
        expect(outcomes).toEqual(Object.fromEntries(ALL.map((name) => [name, 'goes on'])));
        expect(await errorsOf(db, pids)).toEqual([]);
      });
    } finally {
      await db.admin.query(`ALTER DATABASE ${db.name} RESET ALL`);
    }
  });

  it('lock_timeout limits a wait whose timeout was left out, and none with one, or with null', async () => {
    const role = await roleWith([{ setting: 'lock_timeout', value: SHORT }]);
    const { service } = openCore(db, { connection: role.url });
    const holder = await db.connect();
    await holder.query('SELECT pg_advisory_lock(1)');
    await expect(service.advisory(1n, () => undefined)).rejects.toBeInstanceOf(LockNotAvailableError);
    const xact = service.advisory(1n, { xact: true }, () => undefined);
    await expect(xact).rejects.toBeInstanceOf(LockNotAvailableError);
    const waits = [null, PATIENT].flatMap((timeout) => [
      service.advisory(1n, { timeout: timeout as null }, () => 'had'),
      service.advisory(1n, { timeout: timeout as null, xact: true }, () => 'had'),
    ]);
    await delay(LONGER_MS);
    await holder.end();
    expect(await Promise.all(waits)).toEqual(['had', 'had', 'had', 'had']);
  });

  it('CONNECTION LIMIT leaves waits without a connection of their own, which go on', async () => {
    const role = await roleWith([], 'CONNECTION LIMIT 1');
    const pids = backendsOf(role.name);
    const { service } = openCore(db, { connection: role.url });
    const holder = await db.connect();
    await holder.query('SELECT pg_advisory_lock(1)');
    const waiting = service.acquire(1n, { timeout: PATIENT });
    await delay(LONGER_MS);
    await holder.end();
    const lock = await waiting;
    expect(lock?.held).toBe(true);
    expect(pids.size).toBe(1);
    await lock?.release();
  });

  it('log_lock_waits logs a long wait as a message, and not each second', async () => {
    const role = await roleWith([
      { setting: 'log_lock_waits', value: 'on' },
      { setting: 'deadlock_timeout', value: '10ms' },
    ]);
    // What wakes a backend makes it log once more: a server's interrupt, on its busy day, as well as a check of the client.
    await inOneOf(5, async () => {
      const { service } = openCore(db, { connection: role.url });
      const holder = await db.connect();
      await holder.query('SELECT pg_advisory_lock(1)');
      const waiting = service.acquire(1n, { timeout: PATIENT });
      const { pid } = await db.waitForWaiter();
      await delay(3 * LONGER_MS);
      await holder.end();
      await (await waiting)?.release();
      const lines = (await serverLog(db)).filter((line) => line.includes(`[${pid}]`));
      if (lines.length === 0) return; // the log is no file of ours
      const logged = lines.filter((line) => line.includes('still waiting for')).length;
      expect([1, 2]).toContain(logged);
      expect(lines.filter((line) => line.includes(' ERROR: '))).toEqual([]);
    });
  });

  it('of what is shown changes no answer: dates, spans of time, keys, and whom a signal reaches', async () => {
    const shown = [
      'search_path',
      'DateStyle',
      'IntervalStyle',
      'TimeZone',
      'bytea_output',
      'extra_float_digits',
    ];
    const strange = CASES.filter(({ setting }) =>
      [...shown, 'standard_conforming_strings'].includes(setting),
    );
    const role = await roleWith(strange, 'SUPERUSER');
    const [usual, odd] = [openCore(db).admin, openCore(db, { connection: role.url }).admin];
    const holder = await db.connect();
    await holder.query('BEGIN; LOCK TABLE held; SELECT pg_advisory_lock(-5)');
    const waiter = await db.connect();
    const waiting = waiter.query('SELECT FROM held').catch(told);
    await db.waitForWaiter();
    const fixed = (row: PgLock) => {
      const { duration, xactDuration, ...activity } = row.activity;
      expect([duration, xactDuration].every((ms) => ms === null || (ms >= 0 && ms < 60_000))).toBe(true);
      return { ...row, activity, waitDuration: null };
    };
    const [a, b] = [await usual.locks.find(LOCKED), await odd.locks.find(LOCKED)];
    expect(b.map(fixed)).toEqual(a.map(fixed));
    const [{ backendStart }] = (a as [PgLock]).map(({ activity }) => activity) as [PgLock['activity']];
    expect(Math.abs(Date.now() - backendStart!.getTime())).toBeLessThan(60_000);
    expect(await odd.locks.find({ where: { activity: { backendStart: backendStart! } } })).not.toEqual([]);
    expect((await odd.blocked.tree()).map(({ activityId }) => activityId)).toEqual([db.pidOf(holder)]);
    const outcomes = await odd.blocked.cancelActivity({ on: 'held' });
    expect(outcomes.map(({ pid, outcome }) => [pid, outcome])).toEqual([[db.pidOf(waiter), 'cancelled']]);
    expect(await waiting).toMatch(/canceling statement due to user request/);
    await holder.end();
  });
});
