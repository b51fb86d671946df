import { setTimeout as delay } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { cancel, terminate } from '../../lib/prioritize/blocker-rule.js';
import type { PrioritizeReport } from '../../lib/prioritize/prioritize-options.js';
import type { PgLockCore } from '../../lib/core/pg-lock-core.js';
import { scene, SCENE_SCHEMA, waitingSession, WAYS } from '../support/blocked-sessions.js';
import { openCore } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';

const db = useDatabase({ schema: SCENE_SCHEMA });
const FAST = { interval: '20ms' } as const;

/** Work that runs statements on one connection of the module's pool, the last of which waits. */
function statements(core: PgLockCore, ...sqls: readonly string[]): () => Promise<number> {
  return async () => {
    const client = await core.service.pool.connect();
    try {
      for (const sql of sqls) await client.query(sql);
      return db.pidOf(client);
    } finally {
      client.release(true);
    }
  };
}

/** A session in a transaction that holds what work is going to want. */
async function blocker(...sqls: readonly string[]) {
  const client = await db.connect({ application_name: 'blocker' });
  for (const sql of sqls) await client.query(sql);
  return {
    client,
    pid: db.pidOf(client),
    isAlive: () =>
      client.query('SELECT 1').then(
        () => true,
        () => false,
      ),
  };
}

describe('prioritize', () => {
  it.each(Object.entries(WAYS))('frees work that waits for %s', async (_, [blocks, waits]) => {
    const core = openCore(db);
    const { isAlive, pid } = await blocker(...blocks);
    const reports: PrioritizeReport[] = [];
    const onKilled = (report: PrioritizeReport) => void reports.push(report);
    await core.service.prioritize({ ...FAST, onKilled }, statements(core, waits));
    expect(await isAlive()).toBe(false);
    expect(reports.flatMap(({ killed }) => killed)).toMatchObject([
      { pid, outcome: 'terminated', action: 'terminate' },
    ]);
  });

  it('frees advisory locks that the library itself waits for', async () => {
    const core = openCore(db);
    const { isAlive } = await blocker('SELECT pg_advisory_lock(77)');
    const result = await core.service.prioritize(FAST, () => core.service.advisory(77n, () => 'had it'));
    expect(result).toBe('had it');
    expect(await isAlive()).toBe(false);
  });

  it('goes to the root, past a queued statement of others, and lets that one live', async () => {
    const core = openCore(db);
    const root = await blocker('BEGIN', 'SELECT * FROM users');
    const queued = await waitingSession(db, 'ALTER TABLE users ADD COLUMN IF NOT EXISTS age int');
    await core.service.prioritize(FAST, statements(core, 'SELECT * FROM users'));
    expect(await root.isAlive()).toBe(false);
    expect(await queued.waiting).toBe('done');
  });

  it('clears the way for a given transaction, and for the ambient one', async () => {
    const core = openCore(db);
    const first = await blocker('BEGIN', 'LOCK TABLE users');
    const client = await db.connect();
    await client.query('BEGIN');
    await core.service.prioritize({ ...FAST, transaction: client }, () =>
      client.query('SELECT * FROM users'),
    );
    await client.query('COMMIT');
    expect(await first.isAlive()).toBe(false);

    const second = await blocker('BEGIN', 'LOCK TABLE users');
    await core.service.transaction((tx: PoolClient) =>
      core.service.prioritize(FAST, () => tx.query('SELECT * FROM users')),
    );
    expect(await second.isAlive()).toBe(false);
  });

  it('cancels a running statement, and reports that an idle transaction is still blocking', async () => {
    const core = openCore(db);
    const busy = await db.connect();
    const running = busy
      .query('LOCK TABLE users; SELECT pg_sleep(60)')
      .catch((error: unknown) => (error as { code: string }).code);
    await eventually(async () => (await core.service.locks.count({ on: 'users' })) > 0);
    await core.service.prioritize({ ...FAST, onBlocked: cancel() }, statements(core, 'SELECT * FROM users'));
    expect(await running).toBe('57014');

    const idle = await blocker('BEGIN', 'LOCK TABLE users');
    const outcomes: string[] = [];
    const onKilled = (report: PrioritizeReport) => {
      outcomes.push(...report.outcomes.map(({ outcome }) => outcome));
      expect(report.killed).toEqual([]);
      void idle.client.query('ROLLBACK');
    };
    await core.service.prioritize(
      { ...FAST, onBlocked: cancel(), onKilled },
      statements(core, 'SELECT * FROM users'),
    );
    expect(outcomes).toEqual(['stillBlocking']);
    expect(await idle.isAlive()).toBe(true);
  });

  it('escalates from cancelling to terminating', async () => {
    const core = openCore(db);
    const idle = await blocker('BEGIN', 'LOCK TABLE users');
    const told: string[] = [];
    const onKilled = ({ outcomes }: PrioritizeReport) =>
      void told.push(...outcomes.map(({ action, outcome }) => `${action}: ${outcome}`));
    await core.service.prioritize(
      { ...FAST, escalate: '100ms', onKilled },
      statements(core, 'SELECT * FROM users'),
    );
    expect(told).toEqual(['cancel: stillBlocking', 'terminate: terminated']);
    expect(await idle.isAlive()).toBe(false);
  });

  it('signals only those that the where means', async () => {
    const core = openCore(db);
    const { client, isAlive } = await blocker('BEGIN', 'LOCK TABLE users');
    const onBlocked = terminate({ blockingActivity: { duration: { gte: '1 hour' } } });
    const done = core.service.prioritize({ ...FAST, onBlocked }, statements(core, 'SELECT * FROM users'));
    await db.waitForWaiter();
    await threeLooks();
    expect(await isAlive()).toBe(true);
    await client.query('COMMIT');
    await done;
  });

  it('never touches what is protected, and nobody in a dry run', async () => {
    const core = openCore(db);
    const { client, pid, isAlive } = await blocker('BEGIN', 'LOCK TABLE users');
    for (const [options, outcome] of [
      [{ protect: { applicationName: 'blocker' } }, 'refused'],
      [{ dryRun: true }, 'dryRun'],
    ] as const) {
      const told: unknown[] = [];
      const onKilled = ({ killed, outcomes }: PrioritizeReport) => {
        told.push(...outcomes.map((one) => [one.pid, one.outcome]));
        expect(killed).toEqual([]);
      };
      const done = core.service.prioritize(
        { ...FAST, ...options, onKilled },
        statements(core, 'SELECT * FROM users'),
      );
      await eventually(() => told.length > 0);
      expect(told).toEqual([[pid, outcome]]);
      expect(await isAlive()).toBe(true);
      await client.query('COMMIT');
      await done;
      await client.query('BEGIN; LOCK TABLE users');
    }
    await client.query('COMMIT');
  });

  it('looks once where it is not periodic', async () => {
    const core = openCore(db);
    const first = await blocker('BEGIN', 'LOCK TABLE users');
    const done = core.service.prioritize({ ...FAST, periodic: false }, async () => {
      await statements(core, 'SELECT * FROM users')();
      const second = await blocker('BEGIN', 'LOCK TABLE users');
      const waiting = statements(core, 'SELECT * FROM users')();
      await db.waitForWaiter();
      await delay(200);
      expect(await second.isAlive()).toBe(true);
      await second.client.query('COMMIT');
      return waiting;
    });
    await done;
    expect(await first.isAlive()).toBe(false);
  });

  it('sets the lock timeout of the work', async () => {
    const core = openCore(db);
    const { client } = await blocker('BEGIN', 'LOCK TABLE users');
    const options = { interval: '1 hour', timeout: '50ms' } as const;
    await expect(
      core.service.prioritize(options, statements(core, 'SELECT * FROM users')),
    ).rejects.toMatchObject({ code: '55P03' });
    await client.query('COMMIT');
  });
});

describe('an onBlocked function', () => {
  it('is given the blocked locks, and has terminated whom it names', async () => {
    const core = openCore(db);
    const { pid, isAlive } = await blocker('BEGIN', 'LOCK TABLE users');
    const seen: unknown[] = [];
    const waiter = await core.service.prioritize(
      {
        ...FAST,
        onBlocked: (blocked) => {
          seen.push(...blocked.map((row) => [row.activityId, row.relName, row.blockingActivityId]));
          return blocked.map(({ blockingActivityId }) => blockingActivityId);
        },
      },
      statements(core, 'SELECT * FROM users'),
    );
    expect(seen[0]).toEqual([waiter, 'users', pid]);
    expect(await isAlive()).toBe(false);
  });

  it('that throws surfaces after the work, as a PrioritizeError with its cause', async () => {
    const core = openCore(db);
    const { client } = await blocker('BEGIN', 'LOCK TABLE users');
    const cause = new Error('no idea what to do');
    let worked = false;
    const done = core.service.prioritize(
      {
        ...FAST,
        onBlocked: async () => {
          await client.query('COMMIT');
          throw cause;
        },
      },
      async () => {
        await statements(core, 'SELECT * FROM users')();
        worked = true;
        return 'result';
      },
    );
    await expect(done).rejects.toMatchObject({
      name: 'PrioritizeError',
      cause,
      work: { status: 'fulfilled', value: 'result' },
    });
    expect(worked).toBe(true);
  });
});

describe('what an onBlocked function returns', () => {
  it.each(['4711', 4711, { pid: 4711 }, [null], ['4711']])('is refused when it is %j', async (returned) => {
    const core = openCore(db);
    const { client } = await blocker('BEGIN', 'LOCK TABLE users');
    const onBlocked = async () => {
      await client.query('COMMIT');
      return returned as never;
    };
    await expect(
      core.service.prioritize({ ...FAST, onBlocked }, statements(core, 'SELECT * FROM users')),
    ).rejects.toMatchObject({ name: 'PrioritizeError', cause: { name: 'PgLockUsageError' } });
  });
});

describe('an onKilled function', () => {
  it('that is slow keeps nobody else waiting; what it throws surfaces after the work', async () => {
    const core = openCore(db);
    let goOn!: () => void;
    const slow = new Promise<void>((resolve) => (goOn = resolve));
    const first = await blocker('BEGIN', 'LOCK TABLE users');
    const cause = new Error('cannot tell');
    const onKilled = async () => {
      await slow;
      throw cause;
    };
    const told = core.service.prioritize({ ...FAST, onKilled }, statements(core, 'SELECT * FROM users'));
    const ended = expect(told).rejects.toMatchObject({ name: 'PrioritizeError', cause });
    await eventually(async () => !(await first.isAlive()));
    const second = await blocker('BEGIN', 'LOCK TABLE users');
    await core.service.prioritize(FAST, statements(core, 'SELECT * FROM users'));
    expect(await second.isAlive()).toBe(false);
    goOn();
    await ended;
  });
});

describe('what must never be signalled is not', () => {
  it('bystanders on the same table, and readers that do not conflict', async () => {
    const core = openCore(db);
    const reader = await blocker('BEGIN', 'SELECT * FROM users');
    const other = await blocker('BEGIN', 'LOCK TABLE billing.invoices');
    const writer = await blocker('BEGIN', 'UPDATE users SET name = name WHERE id = 1');
    await core.service.prioritize(FAST, statements(core, 'UPDATE users SET name = name WHERE id = 1'));
    expect([await reader.isAlive(), await other.isAlive(), await writer.isAlive()]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('a session of another database, unless that is asked for', async () => {
    const core = openCore(db);
    const { name } = await db.role('altered');
    const elsewhere = new URL(db.url);
    elsewhere.pathname = '/postgres';
    const client = await db.connect({ connectionString: elsewhere.href });
    const block = () => client.query(`BEGIN; ALTER ROLE ${name} CONNECTION LIMIT 5`);
    const alter = statements(core, `ALTER ROLE ${name} CONNECTION LIMIT 6`);
    const refused = new Promise((resolve) => core.events.once('blockerSignalled', resolve));

    await block();
    const work = core.service.prioritize(FAST, alter);
    const reason = expect.stringContaining('another database') as string;
    expect(await refused).toMatchObject({ pid: db.pidOf(client), outcome: 'refused', reason });
    expect(await core.service.blocked.terminateBlockingActivity()).toMatchObject([{ outcome: 'refused' }]);
    await client.query('ROLLBACK');
    await work;

    await block();
    const onBlocked = terminate({ blockingActivity: { database: 'postgres' } });
    await core.service.prioritize({ ...FAST, onBlocked }, alter);
    await expect(client.query('SELECT 1')).rejects.toThrow();
  });

  it('another prioritized flow', async () => {
    const core = openCore(db);
    let rescue!: () => void;
    const rescued = new Promise<void>((resolve) => (rescue = resolve));
    const first = core.service.prioritize(FAST, () =>
      core.service.transaction(async (tx) => {
        await tx.query('LOCK TABLE users');
        await rescued;
        return 'unharmed';
      }),
    );
    await eventually(async () => (await core.service.locks.count({ on: 'users' })) > 0);
    const second = core.service.prioritize(FAST, statements(core, 'SELECT * FROM users'));
    await db.waitForWaiter();
    await threeLooks();
    rescue();
    expect(await first).toBe('unharmed');
    await second;
  });

  it('a lock session of the library, whatever else it holds', async () => {
    const owner = openCore(db);
    const core = openCore(db);
    const blocking = await owner.service.acquire('contended');
    const unrelated = await owner.service.acquire('unrelated');
    const told: unknown[] = [];
    const onKilled = ({ outcomes }: PrioritizeReport) =>
      void told.push(...outcomes.map(({ pid, outcome, reason }) => ({ pid, outcome, reason })));
    const done = core.service.prioritize({ ...FAST, onKilled }, () =>
      core.service.advisory('contended', () => 'had'),
    );
    await eventually(() => told.length > 0);
    expect(told).toEqual([
      {
        pid: blocking?.pid,
        outcome: 'refused',
        reason: expect.stringContaining('locks of this library') as string,
      },
    ]);
    expect(unrelated?.held).toBe(true);
    await blocking?.release();
    expect(await done).toBe('had');
    expect(unrelated?.held).toBe(true);
    await unrelated?.release();
  });

  it('anybody, after the work has ended', async () => {
    const core = openCore(db);
    await core.service.prioritize(FAST, statements(core, 'SELECT 1'));
    const { client, isAlive } = await blocker('BEGIN', 'LOCK TABLE users');
    const waiting = statements(core, 'SELECT * FROM users')();
    await db.waitForWaiter();
    await delay(200);
    expect(await isAlive()).toBe(true);
    await client.query('COMMIT');
    await waiting;
  });
});

describe('a role without the grants', () => {
  it('gets a PermissionError that prints the GRANT, and its work goes on', async () => {
    const role = await db.role('poor');
    await db.admin.query(`GRANT SELECT ON users TO ${role.name}`);
    const core = openCore(db, { connection: role.url });
    const { client, isAlive } = await blocker('BEGIN', 'LOCK TABLE users');
    const denied: unknown[] = [];
    core.events.on('blockerSignalled', ({ outcome }) => denied.push(outcome));
    const done = core.service.prioritize(FAST, statements(core, 'SELECT * FROM users'));
    const outcome = expect(done).rejects.toMatchObject({
      name: 'PrioritizeError',
      cause: {
        name: 'PermissionError',
        code: '42501',
        message: expect.stringContaining(
          `GRANT pg_signal_backend, pg_read_all_stats TO "${role.name}";`,
        ) as string,
      },
      work: { status: 'fulfilled' },
    });
    await eventually(() => denied.length > 0);
    expect(await isAlive()).toBe(true);
    await client.query('COMMIT');
    await outcome;
    expect(denied).toEqual(['notPermitted']);
    await db.admin.query(`REVOKE ALL ON users FROM ${role.name}`);
  });

  it('may clear away sessions of its own, and with both grants those of others', async () => {
    const poor = await db.role('own');
    const granted = await db.role('granted', 'IN ROLE pg_signal_backend, pg_read_all_stats');
    const other = await db.role('other');
    await db.admin.query(`GRANT ALL ON users TO ${poor.name}, ${granted.name}, ${other.name}`);
    for (const [as, held] of [
      [poor, poor],
      [granted, other],
    ] as const) {
      const core = openCore(db, { connection: as.url });
      const client = await db.connect({ connectionString: held.url });
      await client.query('BEGIN; LOCK TABLE users');
      await core.service.prioritize(FAST, statements(core, 'SELECT * FROM users'));
      await expect(client.query('SELECT 1')).rejects.toThrow();
    }
    for (const role of [poor, granted, other]) await db.admin.query(`REVOKE ALL ON users FROM ${role.name}`);
  });
});

describe('the loop', () => {
  it('is one, on one connection, for two hundred flows, and at rest without them', async () => {
    const core = openCore(db, { connection: { connectionString: db.url, max: 20 } });
    const timers: string[] = [];
    core.admin.prioritizer.registry = {
      add: (name) => timers.push(`+${name}`),
      remove: (name) => timers.push(`-${name}`),
    };
    const { isAlive } = await blocker('BEGIN', 'LOCK TABLE users');
    const killers = new Set<number>();
    const flows = Array.from({ length: 200 }, () =>
      core.service.prioritize(FAST, async () => {
        await core.service.pool.query('SELECT count(*) FROM users');
        for (const { applicationName, pid } of await killerSessions())
          killers.add(applicationName === '' ? 0 : pid);
      }),
    );
    await Promise.all(flows);
    expect(await isAlive()).toBe(false);
    expect(killers.size).toBe(1);
    expect(timers).toEqual(['+pglock:default:prioritize', '-pglock:default:prioritize']);
  });

  it('survives the end of its connection', async () => {
    const core = openCore(db);
    await core.service.prioritize(FAST, async () => {
      const killer = await eventually(async () => {
        const waiting = (await killerSessions())[0];
        if (waiting === undefined)
          await core.service.pool.connect().then((client) => setTimeout(() => client.release(), 60));
        return waiting;
      });
      await db.admin.query('SELECT pg_terminate_backend($1)', [killer.pid]);
      const { isAlive } = await blocker('BEGIN', 'LOCK TABLE users');
      await statements(core, 'SELECT * FROM users')();
      expect(await isAlive()).toBe(false);
    });
  });

  it('stops at shutdown although work hangs', async () => {
    const core = openCore(db);
    const { client, isAlive } = await blocker('BEGIN', 'LOCK TABLE users');
    const hanging = core.service.prioritize({ interval: '1 hour' }, statements(core, 'SELECT * FROM users'));
    await db.waitForWaiter();
    await core.admin.close();
    await expect(core.service.prioritize(() => 1)).rejects.toThrow('shutting down');
    expect(await isAlive()).toBe(true);
    await client.query('COMMIT');
    await hanging;
  });

  it('runs outside of the async context of the flow that started it, and tells in that of its own', async () => {
    const { AsyncLocalStorage } = await import('node:async_hooks');
    const storage = new AsyncLocalStorage<string>();
    const core = openCore(db);
    const seen: unknown[] = [];
    const run = (name: string) =>
      storage.run(name, async () => {
        const { isAlive } = await blocker('BEGIN', `LOCK TABLE ${name}`);
        const onKilled = () => void seen.push(storage.getStore());
        await core.service.prioritize({ ...FAST, onKilled }, statements(core, `SELECT * FROM ${name}`));
        return isAlive();
      });
    await Promise.all([run('users'), run('billing.invoices')]);
    expect(seen.toSorted()).toEqual(['billing.invoices', 'users']);
  });
});

describe('retries', () => {
  it('try again after a lock timeout until it succeeds', async () => {
    const core = openCore(db);
    const { client } = await blocker('BEGIN', 'LOCK TABLE users');
    let attempts = 0;
    const result = await core.service.prioritize(
      { interval: '1 hour', timeout: '40ms', retries: 5, retryDelay: 1, dryRun: true },
      async () => {
        if (++attempts === 3) await client.query('COMMIT');
        return statements(core, 'SELECT * FROM users')();
      },
    );
    expect(result).toBeGreaterThan(0);
    expect(attempts).toBe(3);
  });

  it('end in an error that says who was in the way', async () => {
    const core = openCore(db);
    const { client, pid } = await blocker('BEGIN', 'LOCK TABLE users');
    const done = core.service.prioritize(
      { timeout: '2s', retries: 1, retryDelay: 1, dryRun: true },
      statements(core, 'SELECT * FROM users'),
    );
    await expect(done).rejects.toMatchObject({
      name: 'StillBlockedError',
      code: '55P03',
      cause: { code: '55P03' },
      blocked: [{ blockingActivityId: pid, relName: 'users' }],
      tree: [{ activityId: pid, holdsUp: { count: 1 } }],
    });
    await client.query('COMMIT');
  });
});

/** Sessions of the killer. */
async function killerSessions() {
  return (await db.sessions()).filter(({ applicationName }) => applicationName === 'pglock:prioritize');
}

/** Resolves when the killer has looked three times more. */
async function threeLooks(): Promise<void> {
  const looks = new Set<string>();
  await eventually(async () => {
    const { rows } = await db.admin.query<{ at: string }>(
      `SELECT query_start::text AS at FROM pg_stat_activity
       WHERE application_name = 'pglock:prioritize' AND datname = current_database()`,
    );
    for (const { at } of rows) looks.add(at);
    return looks.size > 3;
  });
}

describe('prepared transactions', () => {
  it('are reported and left alone', async () => {
    const core = openCore(db);
    const { waiter, waiterPid, waiting } = await scene(
      db,
      ['BEGIN', 'LOCK TABLE billing.invoices', "PREPARE TRANSACTION 'stuck'"],
      'SELECT 1 FROM billing.invoices',
    );
    expect(waiterPid).toBe(db.pidOf(waiter));
    const told: unknown[] = [];
    const onKilled = ({ outcomes }: PrioritizeReport) =>
      void told.push(...outcomes.map(({ pid, outcome, activity }) => [pid, outcome, activity?.query]));
    const done = core.service.prioritize(
      { ...FAST, onKilled },
      statements(core, 'SELECT 1 FROM billing.invoices'),
    );
    await eventually(() => told.length > 0);
    expect(told).toEqual([[0, 'refused', "PREPARE TRANSACTION 'stuck'"]]);
    await db.admin.query("ROLLBACK PREPARED 'stuck'");
    await done;
    await waiting;
  });
});
