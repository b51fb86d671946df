import type { ClientConfig } from 'pg';
import { scene, SCENE_SCHEMA, start, WAYS } from '../support/blocked-sessions.js';
import { openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';
import { inspect } from '../support/inspection.js';

const db = useDatabase({ schema: SCENE_SCHEMA });

const TABLE = WAYS['a table lock'];
const LIBRARYS_OWN = /locks? of this library/;

/** What matters of outcomes. */
const brief = (outcomes: readonly { pid: number; outcome: string }[]) =>
  outcomes.map(({ pid, outcome }) => [pid, outcome]);

describe('terminateBlockingActivity', () => {
  it('ends who is in the way, and nobody else', async () => {
    const { blocked } = inspect(db);
    const { blockerPid, waiterPid, waiting } = await scene(db, ...TABLE);
    const bystander = await db.connect();
    await bystander.query('BEGIN; LOCK TABLE billing.invoices');
    const outcomes = await blocked.terminateBlockingActivity();
    expect(outcomes).toMatchObject([
      { pid: blockerPid, action: 'terminate', outcome: 'terminated', reason: null, activityIds: [waiterPid] },
    ]);
    expect(outcomes[0]?.activity).toMatchObject({ applicationName: 'blocker', state: 'idle in transaction' });
    expect(await waiting).toBe('done');
    await bystander.query('COMMIT');
  });

  it('takes a where, on either side', async () => {
    const { blocked } = inspect(db);
    const { blocker, blockerPid, waiting } = await scene(db, ...TABLE);
    const none = await blocked.terminateBlockingActivity({
      where: { blockingActivity: { applicationName: 'other' } },
    });
    expect(none).toEqual([]);
    const some = await blocked.terminateBlockingActivity({
      on: 'users',
      where: { activity: { state: 'active' } },
    });
    expect(brief(some)).toEqual([[blockerPid, 'terminated']]);
    await waiting;
    await expect(blocker.query('SELECT 1')).rejects.toThrow();
  });

  it('signals nobody in a dry run', async () => {
    const { blocked } = inspect(db);
    const { blocker, blockerPid, waiting } = await scene(db, ...TABLE);
    expect(brief(await blocked.terminateBlockingActivity({ dryRun: true }))).toEqual([
      [blockerPid, 'dryRun'],
    ]);
    await blocker.query('COMMIT');
    await waiting;
  });
});

describe('cancelBlockingActivity', () => {
  it('reports an idle transaction as stillBlocking at once', async () => {
    const { blocked } = inspect(db);
    const { blocker, blockerPid, waiting } = await scene(db, ...TABLE);
    expect(brief(await blocked.cancelBlockingActivity())).toEqual([[blockerPid, 'stillBlocking']]);
    await blocker.query('COMMIT');
    await waiting;
  });

  it('reports a cancelled statement whose transaction keeps the lock as stillBlocking', async () => {
    const { blocked } = inspect(db);
    const { blocker, blockerPid, waiting } = await scene(
      db,
      ['BEGIN', 'LOCK TABLE users', 'SAVEPOINT s'] as const,
      TABLE[1],
    );
    const sleeping = start(blocker, 'SELECT pg_sleep(60)');
    await eventually(async () =>
      (await db.sessions()).some(({ pid, state }) => pid === blockerPid && state === 'active'),
    );
    expect(brief(await blocked.cancelBlockingActivity())).toEqual([[blockerPid, 'stillBlocking']]);
    expect(await sleeping).toEqual({ code: '57014' });
    await db.admin.query('SELECT pg_terminate_backend($1)', [blockerPid]);
    await waiting;
  });
});

describe('cancelActivity and terminateActivity', () => {
  it('reach sessions by pid, by table and by what they wait for', async () => {
    const { locks, blocked } = inspect(db);
    const one = await scene(db, ...TABLE);
    expect(brief(await blocked.cancelActivity({ pids: [one.waiterPid] }))).toEqual([
      [one.waiterPid, 'cancelled'],
    ]);
    expect(await one.waiting).toEqual({ code: '57014' });
    const outcomes = await locks.terminateActivity({ on: 'users', where: { granted: true } });
    expect(brief(outcomes)).toEqual([[one.blockerPid, 'terminated']]);
  });

  it('refuse to mean everybody', async () => {
    const { locks, blocked } = inspect(db);
    for (const query of [{}, { limit: 3 }, { orderBy: 'granted' }, undefined as unknown as object]) {
      await expect(locks.terminateActivity(query)).rejects.toThrow('every session');
      await expect(blocked.cancelActivity(query)).rejects.toThrow('every session');
    }
  });

  it('tell a session from a later one with the same pid, to the microsecond', async () => {
    const { locks } = inspect(db);
    const client = await db.connect();
    await client.query('BEGIN; LOCK TABLE users');
    const pid = db.pidOf(client);
    const [lock] = await locks.find({ on: 'users' });
    const start = lock?.activity.backendStartText ?? '';
    const earlier = start.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));
    for (const backendStartText of [earlier, '2001-01-01 00:00:00.000000', start.slice(0, -3), null]) {
      const outcomes = await locks.terminateActivity({ sessions: [{ pid, backendStartText }] });
      expect(outcomes).toMatchObject([{ pid, outcome: 'gone', activity: null }]);
    }
    expect((await client.query('SELECT 1')).rowCount).toBe(1);
    expect(brief(await locks.terminateActivity({ sessions: [lock!.activity] }))).toEqual([
      [pid, 'terminated'],
    ]);
    expect(brief(await locks.terminateActivity({ sessions: [lock!.activity] }))).toEqual([[pid, 'gone']]);
  });
});

describe('never signalled', () => {
  it('is a replication connection', async () => {
    const { blocked } = inspect(db);
    const walsender = await db.connect({ replication: 'database' } as ClientConfig);
    await walsender.query('SELECT pg_advisory_lock(5)');
    const waiter = await db.connect();
    const waiting = waiter.query('SELECT pg_advisory_lock(5)');
    await db.waitForWaiter(db.pidOf(waiter));
    const [outcome] = await blocked.terminateBlockingActivity();
    expect(outcome).toMatchObject({
      pid: db.pidOf(walsender),
      outcome: 'refused',
      activity: { backendType: 'walsender' },
    });
    await walsender.query('SELECT pg_advisory_unlock(5)');
    await waiting;
    await waiter.query('SELECT pg_advisory_unlock(5)');
  });

  it('is a session with locks of the library, unless its pid is given', async () => {
    const owner = openCore(db);
    const { locks, blocked } = inspect(db);
    const held = await owner.service.acquire('mine');
    const waiter = openCore(db);
    const waiting = waiter.service.advisory('mine', () => 'had');
    await db.waitForWaiter();
    const pid = held?.pid ?? 0;
    expect(await blocked.terminateBlockingActivity()).toMatchObject([
      { pid, outcome: 'refused', reason: expect.stringMatching(LIBRARYS_OWN) as string },
    ]);
    expect(await locks.terminateActivity({ where: { advisoryId: 'mine', granted: true } })).toMatchObject([
      { pid, outcome: 'refused' },
    ]);
    const other = await owner.service.acquire('other');
    expect(await locks.terminateActivity({ ids: ['mine'], where: { granted: true } })).toMatchObject([
      {
        pid,
        outcome: 'refused',
        reason: expect.stringMatching(/also holds .*; to end it .* pglock \d+ --terminate$/) as string,
      },
    ]);
    expect(held?.held).toBe(true);
    await other?.release();
    expect(await locks.terminateActivity({ ids: ['mine'], where: { granted: true } })).toMatchObject([
      { pid, outcome: 'terminated' },
    ]);
    expect(await waiting).toBe('had');
  });

  it('is a prepared transaction: it is named', async () => {
    const { blocked } = inspect(db);
    const { waiting } = await scene(db, ['BEGIN', 'LOCK TABLE users', "PREPARE TRANSACTION 'p'"], TABLE[1]);
    expect(await blocked.terminateBlockingActivity()).toMatchObject([
      {
        pid: 0,
        outcome: 'refused',
        reason: expect.stringContaining('ROLLBACK PREPARED') as string,
        activity: { pid: 0 },
      },
    ]);
    await db.admin.query("ROLLBACK PREPARED 'p'");
    await waiting;
  });
});

describe('privileges', () => {
  it.each([
    ['without any', '', 'GRANT pg_signal_backend, pg_read_all_stats TO'],
    ['that may only signal', 'IN ROLE pg_signal_backend', 'GRANT pg_read_all_stats TO'],
    ['that may only see', 'IN ROLE pg_monitor', 'GRANT pg_signal_backend TO'],
  ])('of a role %s: the error prints what is missing', async (_, attributes, grant) => {
    const role = await db.role(`r${attributes.length}`, attributes);
    const other = await db.role(`o${attributes.length}`);
    await db.admin.query(`GRANT ALL ON users TO ${other.name}`);
    const { blocked } = inspect(db, { url: role.url });
    const { blocker, waiting } = await scene(db, ...TABLE, other.url);
    await expect(blocked.terminateBlockingActivity()).rejects.toMatchObject({
      name: 'PermissionError',
      code: '42501',
      message: expect.stringContaining(`${grant} "${role.name}";`) as string,
    });
    await blocker.query('COMMIT');
    await waiting;
    await db.admin.query(`REVOKE ALL ON users FROM ${other.name}`);
  });

  it('never suffice for a superuser: the error says so', async () => {
    const role = await db.role('both', 'IN ROLE pg_signal_backend, pg_read_all_stats');
    const { blocked } = inspect(db, { url: role.url });
    const { blocker, waiting } = await scene(db, ...TABLE);
    await expect(blocked.terminateBlockingActivity()).rejects.toThrow('belongs to a superuser');
    await blocker.query('COMMIT');
    await waiting;
  });

  it('that hide sessions of others do not hide that they wait', async () => {
    const role = await db.role('blind');
    const { blocked } = inspect(db, { url: role.url });
    const { blocker, blockerPid, waiterPid, waiting } = await scene(db, ...TABLE);
    expect(await blocked.find()).toMatchObject([
      {
        activityId: waiterPid,
        relName: 'users',
        blockingActivityId: blockerPid,
        blockingActivity: { applicationName: 'blocker', backendStart: null, state: null },
      },
    ]);
    await blocker.query('COMMIT');
    await waiting;
  });

  it('hold for each session by itself: those of one role go, the others are notPermitted', async () => {
    const role = await db.role('mixed');
    await db.admin.query(`GRANT ALL ON users TO ${role.name}`);
    const { locks } = inspect(db, { url: role.url });
    const own = await db.connect({ connectionString: role.url });
    const foreign = await db.connect();
    for (const client of [own, foreign]) await client.query('BEGIN; LOCK TABLE users IN ACCESS SHARE MODE');
    const outcomes = await locks.terminateActivity({ on: 'users' });
    expect(new Map(outcomes.map(({ pid, outcome }) => [pid, outcome]))).toEqual(
      new Map([
        [db.pidOf(own), 'terminated'],
        [db.pidOf(foreign), 'notPermitted'],
      ]),
    );
    await foreign.query('COMMIT');
    await db.admin.query(`REVOKE ALL ON users FROM ${role.name}`);
  });
});
