import { spawnChild } from '../support/child.js';
import { startPostgres } from '../support/postgres/start-postgres.mjs';
import { deferred, eventually, useDatabase } from '../support/database.js';
import { expectNothingLeft } from '../support/leaks.js';

describe('test support', () => {
  const database = useDatabase({ schema: 'CREATE TABLE note (id int)' });

  it('gives the file a database of its own, with its schema', async () => {
    const client = await database.connect();
    const { rows } = await client.query(
      'SELECT current_database() AS name, count(*)::int AS notes FROM note',
    );
    expect(rows).toEqual([{ name: database.name, notes: 0 }]);
  });

  it('runs the PostgreSQL major that was asked for', async () => {
    const { rows } = await database.admin.query<{ major: number }>(
      `SELECT current_setting('server_version_num')::int / 10000 AS major`,
    );
    const asked = process.env.PGLOCK_TEST_POSTGRES;
    expect(rows[0]?.major).toBe(process.env.DATABASE_URL ? expect.any(Number) : Number(asked ?? 18));
  });

  it('shows who waits for a lock, and for whom', async () => {
    const [holder, waiter] = [await database.connect(), await database.connect()];
    await holder.query('SELECT pg_advisory_lock(-42)');
    const waiting = waiter.query('SELECT pg_advisory_lock(-42)');
    const session = await database.waitForWaiter(
      ({ pid, advisoryLocks }) => pid === database.pidOf(waiter) && advisoryLocks.length > 0,
    );
    expect(session.blockedBy).toEqual([database.pidOf(holder)]);
    expect(session.advisoryLocks).toEqual(['int8 -42 (waiting)']);
    await holder.query('SELECT pg_advisory_unlock(-42)');
    await waiting;
  });

  it('names the session that left an advisory lock, and ends it', async () => {
    const client = await database.connect({ application_name: 'forgetful' });
    await client.query('SELECT pg_advisory_lock(-1, 2)');
    const check = expectNothingLeft(database.admin, { mayStay: () => true, timeout: 50 });
    await expect(check).rejects.toThrow(
      /pid \d+, "forgetful", idle, advisory locks: int4 -1,2: SELECT pg_adv/,
    );
    await eventually(async () => (await database.sessions()).length === 0);
  });

  it('names the session that stayed', async () => {
    const client = await database.connect({ application_name: 'lingering' });
    await client.query('SELECT 7');
    const check = expectNothingLeft(database.admin, { mayStay: () => false, timeout: 50 });
    await expect(check).rejects.toThrow(/"lingering", idle: SELECT 7/);
  });

  it('names the prepared transaction that stayed, and rolls it back', async () => {
    await database.admin.query(`BEGIN; INSERT INTO note VALUES (1); PREPARE TRANSACTION '${database.name}'`);
    const check = expectNothingLeft(database.admin, { mayStay: () => true, timeout: 50 });
    await expect(check).rejects.toThrow(`prepared transaction ${database.name}`);
    await expectNothingLeft(database.admin, { mayStay: () => true });
  });

  it('waits for a session that is going away', async () => {
    const client = await database.connect();
    const done = deferred();
    const check = expectNothingLeft(database.admin, { mayStay: () => false }).then(done.resolve);
    await client.end();
    await check;
    await expect(done.promise).resolves.toBeUndefined();
  });

  it('creates roles that may log in', async () => {
    const { name, url } = await database.role('reader', 'IN ROLE pg_monitor');
    const client = await database.connect({ connectionString: url });
    const { rows } = await client.query('SELECT current_user AS name');
    expect(rows).toEqual([{ name }]);
  });
});

describe('a child process', () => {
  const echo = new URL('../support/children/echo.mjs', import.meta.url);

  it('talks and ends by itself', async () => {
    const child = spawnChild(echo, { args: ['one'], env: { CHILD_NAME: 'Eve' } });
    expect(await child.next('ready')).toEqual({ type: 'ready', args: ['one'], name: 'Eve' });
    child.send('say', { text: 'hello' });
    expect(await child.next('said')).toEqual({ type: 'said', text: 'hello' });
    expect(await child.exit).toEqual({ code: 0, signal: null });
    expect(child.output).toBe('hello\n');
  });

  it('tells of its end whoever waits for a message', async () => {
    const child = spawnChild(echo);
    const said = expect(child.next('said')).rejects.toThrow(
      'awaited "said", but the child exited with SIGKILL',
    );
    await child.next('ready');
    child.signal('SIGSTOP');
    expect(await child.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    await said;
  });
});

describe('the compiler settings', () => {
  it('down-level `await using` for Node 20', async () => {
    const events: string[] = [];
    {
      await using handle = { [Symbol.asyncDispose]: async () => void events.push('disposed') };
      events.push(typeof handle);
    }
    expect(events).toEqual(['object', 'disposed']);
  });
});

describe('a server of one’s own', () => {
  it('comes back on its port after a restart and after a crash', async () => {
    const server = await startPostgres({ own: true, settings: { max_connections: 20 } });
    try {
      const { port, pid } = server;
      await server.restart('immediate');
      expect(server.port).toBe(port);
      expect(server.pid).not.toBe(pid);
      await server.kill();
      expect(server.pid).toBeUndefined();
      await server.start();
      expect(await server.log()).toMatch('database system was interrupted');
    } finally {
      await server.stop();
    }
  });
});
