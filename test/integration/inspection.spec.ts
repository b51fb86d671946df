import type { PgLockWhere } from '../../lib/inspection/lock-where.js';
import type { LockOrder } from '../../lib/inspection/order-by.js';
import { advisoryKey } from '../../lib/vocabulary/lock-id.js';
import { scene, SCENE_SCHEMA, start, waitingSession, WAYS } from '../support/blocked-sessions.js';
import { useDatabase } from '../support/database.js';
import { inspect } from '../support/inspection.js';

const db = useDatabase({ schema: SCENE_SCHEMA });
const major = Number(process.env['PGLOCK_TEST_POSTGRES'] ?? 18);

describe('blocked.find', () => {
  it.each(Object.entries(WAYS))('sees %s', async (_, [blocks, waits]) => {
    const { blocked, locks } = inspect(db);
    const { blocker, blockerPid, waiterPid, waiting } = await scene(db, blocks, waits);
    const rows = await blocked.find();
    expect(rows.map((row) => [row.activityId, row.blockingActivityId])).toEqual([[waiterPid, blockerPid]]);
    const [row] = rows;
    expect(row?.granted).toBe(false);
    expect(row?.activity).toMatchObject({ pid: waiterPid, applicationName: 'waiter', waitEventType: 'Lock' });
    expect(row?.blockingActivity).toMatchObject({ pid: blockerPid, applicationName: 'blocker' });
    expect(row?.activity.query).toContain(waits);
    const awaited = await locks.find({ pids: [waiterPid], where: { granted: false } });
    expect(awaited).toMatchObject([{ type: row?.type, mode: row?.mode, advisoryKey: row?.advisoryKey }]);
    expect(await blocked.tree()).toMatchObject([
      {
        activityId: blockerPid,
        holdsUp: { count: 1 },
        blocked: [{ activityId: waiterPid, blockedBy: [blockerPid] }],
      },
    ]);
    await blocker.end();
    await waiting;
  });

  it('finds waits on partitions, at any depth, by the table that they are of', async () => {
    await db.admin.query(`CREATE TABLE billing.events (at int) PARTITION BY RANGE (at);
      CREATE TABLE billing.events_old PARTITION OF billing.events FOR VALUES FROM (0) TO (100) PARTITION BY RANGE (at);
      CREATE TABLE billing.events_oldest PARTITION OF billing.events_old FOR VALUES FROM (0) TO (10)`);
    const { blocked, locks } = inspect(db);
    const { blocker, waiterPid, waiting } = await scene(
      db,
      ['BEGIN', 'LOCK TABLE billing.events_oldest'],
      'SELECT * FROM billing.events_oldest',
    );
    for (const on of ['events', 'billing.events', 'billing.events_old', 'billing.events_oldest']) {
      expect(await blocked.find({ on })).toMatchObject([{ activityId: waiterPid, relName: 'events_oldest' }]);
      expect(await locks.count({ on, where: { granted: true } })).toBe(1);
    }
    for (const on of ['public.events', 'users']) expect(await blocked.find({ on })).toEqual([]);
    await blocker.end();
    await waiting;
    await db.admin.query('DROP TABLE billing.events');
  });

  it('tells what is awaited: table, row, advisory lock', async () => {
    const { blocked } = inspect(db);
    const table = await scene(db, ['BEGIN', 'LOCK TABLE billing.invoices'], 'SELECT * FROM billing.invoices');
    const row = await scene(
      db,
      ['BEGIN', 'DELETE FROM users WHERE id = 2'],
      'DELETE FROM users WHERE id = 2',
    );
    const third = await waitingSession(db, 'DELETE FROM users WHERE id = 2');
    const advisory = await scene(
      db,
      ["SELECT pg_advisory_lock(('x' || '6e3c0f')::bit(24)::int8)"],
      "SELECT pg_advisory_lock_shared(('x' || '6e3c0f')::bit(24)::int8)",
    );
    const of = async (pid: number) => (await blocked.find({ pids: [pid] }))[0];
    expect(await of(table.waiterPid)).toMatchObject({
      type: 'RELATION',
      mode: 'ACCESS SHARE',
      relKind: 'TABLE',
      relName: 'invoices',
      relSchema: 'billing',
    });
    expect(await of(row.waiterPid)).toMatchObject({ type: 'TRANSACTIONID', mode: 'SHARE', relName: 'users' });
    expect(await of(third.waiterPid)).toMatchObject({ type: 'TUPLE', relName: 'users' });
    expect(await of(advisory.waiterPid)).toMatchObject({
      type: 'ADVISORY',
      mode: 'SHARE',
      relName: null,
      advisoryKey: advisoryKey(0x6e3c0f),
      advisoryId: null,
    });
    for (const { blocker } of [table, row, advisory]) await blocker.end();
    await Promise.all([table.waiting, row.waiting, third.waiting, advisory.waiting]);
  });

  it('tells since when, from PostgreSQL 14 on', async () => {
    const { blocked } = inspect(db);
    const { blocker, waiting } = await scene(db, ...WAYS['a table lock']);
    const [row] = await blocked.find();
    if (major < 14) {
      expect(row).toMatchObject({ waitStart: null, waitDuration: null });
    } else {
      expect(row?.waitStart).toBeInstanceOf(Date);
      expect(Math.abs(Date.now() - Number(row?.waitStart))).toBeLessThan(60_000);
      expect(row?.waitDuration).toBeGreaterThanOrEqual(0);
    }
    await blocker.end();
    await waiting;
  });

  it('shows a prepared transaction as pid 0, by its name', async () => {
    const { blocked } = inspect(db);
    const { waiterPid, waiting } = await scene(
      db,
      ['BEGIN', 'UPDATE users SET name = name WHERE id = 3', "PREPARE TRANSACTION 'order''s 1'"],
      'UPDATE users SET name = name WHERE id = 3',
    );
    const other = await db.connect();
    await other.query("BEGIN; LOCK TABLE billing.invoices IN SHARE MODE; PREPARE TRANSACTION 'bystander'");
    const rows = await blocked.find();
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      activityId: waiterPid,
      blockingActivityId: 0,
      preparedTransaction: "order's 1",
      blockingActivity: { pid: 0, state: 'prepared transaction', query: "PREPARE TRANSACTION 'order''s 1'" },
    });
    expect(await blocked.tree()).toMatchObject([
      { activityId: 0, preparedTransaction: "order's 1", blocked: [{ activityId: waiterPid }] },
    ]);
    await db.admin.query("ROLLBACK PREPARED 'order''s 1'");
    await db.admin.query("ROLLBACK PREPARED 'bystander'");
    await waiting;
  });

  it('leaves out sessions that block nobody, and other databases', async () => {
    const { blocked } = inspect(db);
    const bystander = await db.connect();
    await bystander.query('BEGIN; SELECT * FROM users; SELECT pg_advisory_lock(99)');
    expect(await blocked.find()).toEqual([]);
    expect(await blocked.count()).toBe(0);
    await bystander.end();
  });
});

describe('locks.find', () => {
  it('lists held and awaited locks of every kind', async () => {
    const { locks } = inspect(db);
    const { blocker, blockerPid, waiterPid, waiting } = await scene(db, ...WAYS['a table lock']);
    const on = await locks.find({ on: 'users' });
    expect(on[1]).toMatchObject({ waitStart: null, waitDuration: null });
    expect(on.map(({ activityId, granted, mode }) => ({ activityId, granted, mode }))).toEqual([
      { activityId: waiterPid, granted: false, mode: 'ACCESS SHARE' },
      { activityId: blockerPid, granted: true, mode: 'ACCESS EXCLUSIVE' },
    ]);
    const types = new Set((await locks.find({ pids: [blockerPid] })).map(({ type }) => type));
    expect(types).toContain('VIRTUALXID');
    await blocker.end();
    await waiting;
  });

  it('finds advisory locks by id, with their names, signed ones too', async () => {
    const { locks } = inspect(db);
    const holder = await db.connect();
    const { classId, objId } = advisoryKey('billing.close');
    await holder.query('SELECT pg_advisory_lock(($1::int8 << 32) | $2::int8), pg_advisory_lock(-5)', [
      classId,
      objId,
    ]);
    expect(await locks.find({ ids: ['billing.close'] })).toMatchObject([
      {
        activityId: db.pidOf(holder),
        advisoryId: 'billing.close',
        advisoryKey: advisoryKey('billing.close'),
      },
    ]);
    expect(await locks.find({ ids: [-5] })).toMatchObject([{ advisoryKey: advisoryKey(-5), advisoryId: -5 }]);
    expect(await inspect(db).locks.find({ where: { advisoryKey: advisoryKey(-5) } })).toMatchObject([
      { advisoryId: null },
    ]);
    expect(await locks.find({ where: { advisoryId: 'billing.close' } })).toHaveLength(1);
    expect(await locks.find({ where: { advisoryKey: { in: [advisoryKey(-5)] } } })).toHaveLength(1);
    expect(await locks.find({ ids: ['somebody else'] })).toEqual([]);
    await holder.end();
  });

  it('shows prepared transactions among the holders', async () => {
    const { locks } = inspect(db);
    const client = await db.connect();
    await client.query("BEGIN; LOCK TABLE users IN SHARE MODE; PREPARE TRANSACTION 'two'");
    expect(await locks.find({ on: 'users' })).toMatchObject([
      { activityId: 0, mode: 'SHARE', preparedTransaction: 'two', activity: { user: 'postgres' } },
    ]);
    await db.admin.query("ROLLBACK PREPARED 'two'");
  });

  it('leaves itself out', async () => {
    const { locks, observer } = inspect(db);
    const [own] = await observer.query<{ pid: string }>({
      text: 'SELECT pg_catalog.pg_backend_pid() AS pid',
    });
    const rows = await locks.find();
    expect(rows.map(({ activityId }) => activityId)).not.toContain(Number(own?.pid));
  });

  it('gives frozen rows, decoded whatever parsers the application has set', async () => {
    const { locks } = inspect(db);
    const client = await db.connect();
    await client.query('BEGIN; LOCK TABLE users');
    const [row] = await locks.find({ on: ['users'] });
    expect(Object.isFrozen(row)).toBe(true);
    expect(Object.isFrozen(row?.activity)).toBe(true);
    expect(row?.activity.backendStart).toBeInstanceOf(Date);
    expect(typeof row?.activity.duration).toBe('number');
    expect(row?.activity.backendStartText).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/);
    await client.end();
  });
});

describe('a question', () => {
  it('understands every operator', async () => {
    const { locks } = inspect(db);
    const client = await db.connect({ application_name: 'api' });
    await client.query('BEGIN; LOCK TABLE users; LOCK TABLE billing.invoices IN SHARE MODE');
    const sorted = async (where: PgLockWhere) => {
      const rows = await locks.find({ pids: [db.pidOf(client)], where: { type: 'RELATION', ...where } });
      return rows.map(({ relName }) => relName).toSorted();
    };
    expect(await sorted({})).toEqual(['invoices', 'users']);
    expect(await sorted({ mode: 'SHARE' })).toEqual(['invoices']);
    expect(await sorted({ mode: { in: ['SHARE', 'ACCESS EXCLUSIVE'] } })).toEqual(['invoices', 'users']);
    expect(await sorted({ relName: { like: 'use%' } })).toEqual(['users']);
    expect(await sorted({ relName: { not: 'users' } })).toEqual(['invoices']);
    expect(await sorted({ relName: { not: { like: 'inv%' } } })).toEqual(['users']);
    expect(await sorted({ waitStart: null })).toEqual(['invoices', 'users']);
    expect(await sorted({ waitStart: { isNull: false } })).toEqual([]);
    expect(await sorted({ advisoryKey: { isNull: true } })).toEqual(['invoices', 'users']);
    expect(await sorted({ activity: { duration: { gte: 0, lt: '1 hour' } } })).toEqual(['invoices', 'users']);
    expect(await sorted({ activity: { duration: { gt: '1 hour' } } })).toEqual([]);
    expect(
      await sorted({ activity: { backendStart: { lte: new Date() }, applicationName: 'api' } }),
    ).toHaveLength(2);
    expect(await sorted({ activity: { xactStart: { gte: '2100-01-01' } } })).toEqual([]);
    expect(await sorted({ activity: { pid: { in: [db.pidOf(client), 0] } } })).toHaveLength(2);
    expect(await sorted({ granted: { not: true } })).toEqual([]);
    await client.end();
  });

  it('sorts, limits and counts', async () => {
    const { locks } = inspect(db);
    const client = await db.connect();
    await client.query('BEGIN; LOCK TABLE users; LOCK TABLE billing.invoices IN SHARE MODE');
    const query = { pids: [db.pidOf(client)], where: { type: 'RELATION' } } as const;
    const first = async (orderBy: LockOrder) =>
      (await locks.find({ ...query, orderBy, limit: 1 })).map(({ relName }) => relName);
    expect(await first('relName')).toEqual(['invoices']);
    expect(await first('-relName')).toEqual(['users']);
    expect(await first({ relName: 'desc' })).toEqual(['users']);
    expect(await first([{ activity: { pid: 'asc' } }, 'relName'])).toEqual(['invoices']);
    expect(await locks.count({ ...query, limit: 1 })).toBe(2);
    await client.end();
  });

  it('takes tables and ids together as either', async () => {
    const { locks } = inspect(db);
    const client = await db.connect();
    await client.query(
      'BEGIN; LOCK TABLE users; LOCK TABLE billing.invoices; SELECT pg_advisory_xact_lock(5)',
    );
    const rows = await locks.find({ on: [{ schema: 'billing', table: 'invoices' }], ids: [5] });
    expect(rows.map(({ relName, type }) => relName ?? type).toSorted()).toEqual(['ADVISORY', 'invoices']);
    expect(await locks.find({ on: ['public.invoices'] })).toEqual([]);
    await client.end();
  });

  it('reads a saved configuration; what is said beside it goes first', async () => {
    const configs = { mine: { on: ['users'], filters: ['granted=true'], limit: 1 } };
    const { locks } = inspect(db, { configs });
    const client = await db.connect();
    await client.query('BEGIN; LOCK TABLE users; LOCK TABLE billing.invoices');
    expect(await locks.find({ config: 'mine' })).toMatchObject([{ relName: 'users' }]);
    expect(await locks.find({ config: 'mine', on: 'billing.invoices' })).toMatchObject([
      { relName: 'invoices' },
    ]);
    await client.end();
  });

  it('reads what application code attached to the query', async () => {
    const { locks } = inspect(db);
    const client = await db.connect({ application_name: 'api;job=nightly' });
    await client.query(`BEGIN; LOCK TABLE users`);
    await client.query(`/*pga_context={"url": "/orders"}*/ SELECT 1`);
    expect(await locks.find({ on: 'users' })).toMatchObject([
      { activity: { context: { url: '/orders', job: 'nightly' } } },
    ]);
    await client.query(`SELECT 1 /*route='%2Forders%2F%3Aid',framework='nest'*/;`);
    const [row] = await locks.find({ on: 'users', where: { activity: { context: { like: '%nest%' } } } });
    expect(row?.activity.context).toEqual({ route: '/orders/:id', framework: 'nest', job: 'nightly' });
    await client.end();
  });

  it('means pg_catalog, whatever the search_path of the role puts before it', async () => {
    const role = await db.role('hostile');
    await db.admin.query(`
      CREATE SCHEMA evil;
      CREATE FUNCTION evil.eq(name, name) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT false';
      CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.eq);
      CREATE FUNCTION evil.upper(text) RETURNS text LANGUAGE sql AS $$ SELECT 'stolen' $$;
      CREATE VIEW evil.pg_locks AS SELECT 1 AS nothing;
      GRANT USAGE ON SCHEMA evil TO ${role.name};
      GRANT SELECT ON users TO ${role.name};
      ALTER ROLE ${role.name} SET search_path = evil, pg_catalog, public`);
    const { locks } = inspect(db, { url: role.url });
    const client = await db.connect({ connectionString: role.url });
    await client.query('BEGIN; SELECT FROM public.users');
    expect(await locks.find({ on: 'public.users' })).toMatchObject([{ type: 'RELATION', relName: 'users' }]);
    await client.end();
    await db.admin.query(`DROP SCHEMA evil CASCADE; REVOKE ALL ON users FROM ${role.name}`);
  });
});

describe('blocked.tree', () => {
  it('goes three levels deep, the root first, with what it holds up', async () => {
    const { blocked } = inspect(db);
    const { blocker, blockerPid, waiter, waiterPid, waiting } = await scene(
      db,
      ['BEGIN', 'SELECT * FROM users'],
      'ALTER TABLE users ADD COLUMN IF NOT EXISTS age int',
    );
    const third = await waitingSession(db, 'SELECT * FROM users');
    const tree = await blocked.tree();
    expect(tree).toMatchObject([
      {
        activityId: blockerPid,
        lock: null,
        cycle: false,
        blockedBy: [],
        holdsUp: { count: 2 },
        blocked: [
          {
            activityId: waiterPid,
            lock: { relName: 'users', mode: 'ACCESS EXCLUSIVE' },
            blockedBy: [blockerPid],
            holdsUp: { count: 1 },
            blocked: [
              { activityId: third.waiterPid, blockedBy: [waiterPid], holdsUp: { count: 0 }, blocked: [] },
            ],
          },
        ],
      },
    ]);
    if (major >= 14) expect(tree[0]?.holdsUp.longestWait).toBeGreaterThanOrEqual(0);
    expect(await blocked.find({ pids: [third.waiterPid] })).toMatchObject([
      { blockingActivityId: waiterPid },
    ]);
    await blocker.end();
    await Promise.all([waiting, third.waiting]);
    await waiter.end();
  });

  it('shows each waiter of a queue once, and all who are in its way', async () => {
    const { blocked } = inspect(db);
    const holder = await db.connect();
    await holder.query('SELECT pg_advisory_lock(1)');
    const waiters: Awaited<ReturnType<typeof waitingSession>>[] = [];
    for (let i = 0; i < 4; i++)
      waiters.push(await waitingSession(db, 'BEGIN', 'SELECT pg_advisory_xact_lock(1)'));
    const [root, ...others] = await blocked.tree();
    expect(others).toEqual([]);
    expect(root).toMatchObject({ activityId: db.pidOf(holder), holdsUp: { count: 4 } });
    expect(root?.blocked.map(({ activityId }) => activityId).toSorted()).toEqual(
      waiters.map(({ waiterPid }) => waiterPid).toSorted(),
    );
    const last = root?.blocked.find(({ activityId }) => activityId === waiters.at(-1)?.waiterPid);
    expect(last?.blockedBy).toHaveLength(4);
    await holder.end();
    for (const { waiter, waiting } of waiters) await waiting.then(() => waiter.end());
  });

  it('shows a cycle, and ends', async () => {
    const { blocked } = inspect(db);
    const one = await db.connect();
    const other = await db.connect();
    for (const client of [one, other]) await client.query("SET deadlock_timeout = '30s'");
    await one.query('SELECT pg_advisory_lock(11)');
    await other.query('SELECT pg_advisory_lock(12)');
    const ends = [start(one, 'SELECT pg_advisory_lock(12)'), start(other, 'SELECT pg_advisory_lock(11)')];
    await db.waitForWaiter(db.pidOf(one));
    await db.waitForWaiter(db.pidOf(other));
    const tree = await blocked.tree();
    expect(tree).toMatchObject([
      { cycle: true, holdsUp: { count: 1 }, blocked: [{ cycle: false, blocked: [] }] },
    ]);
    await db.admin.query('SELECT pg_cancel_backend($1)', [db.pidOf(one)]);
    await one.end();
    await Promise.all(ends);
  });
});

describe('the observer session', () => {
  it('opens when asked, survives being terminated, and closes for good', async () => {
    const { locks, observer } = inspect(db);
    expect(observer.isOpen).toBe(false);
    await locks.count();
    expect(observer.isOpen).toBe(true);
    const [session] = (await db.sessions()).filter(
      ({ applicationName }) => applicationName === 'pglock:inspection',
    );
    await db.admin.query('SELECT pg_terminate_backend($1)', [session?.pid]);
    await new Promise<void>((resolve) => {
      const look = () => (observer.isOpen ? setTimeout(look, 5) : resolve());
      look();
    });
    expect(await locks.count({ pids: [1] })).toBe(0);
    await observer.close();
    await expect(locks.count()).rejects.toThrow('shut down');
  });
});

describe('the limit of the module', () => {
  it('is that of find, where the question gives none; count and signals know of no limit', async () => {
    const { locks } = inspect(db, { limit: 2 });
    const holder = await db.connect();
    await holder.query('SELECT pg_advisory_lock(i) FROM generate_series(1, 4) i');
    const where = { type: 'ADVISORY' } as const;
    expect(await locks.find({ where })).toHaveLength(2);
    expect(await locks.find({ where, limit: 3 })).toHaveLength(3);
    expect(await locks.count({ where })).toBe(4);
    expect(await inspect(db).locks.find({ where })).toHaveLength(4);
    await holder.end();
  });
});
