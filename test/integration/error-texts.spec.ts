import pg from 'pg';
import type { LockNotAvailableError } from '../../lib/errors/lock-not-available.error.js';
import { PgLockError } from '../../lib/errors/pg-lock.error.js';
import type { PgLockService } from '../../lib/pg-lock.service.js';
import type { PgLockModuleOptions } from '../../lib/options/pg-lock-options.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { openCore } from '../support/cores.js';
import { barrier, eventually, useDatabase } from '../support/database.js';
import { expectGolden } from '../support/golden.js';
import { pgBouncerIsInstalled, startPgBouncer } from '../support/pgbouncer.js';
import { startPostgres } from '../support/postgres/start-postgres.mjs';

const major = Number(process.env['PGLOCK_TEST_POSTGRES'] ?? 18);
const database = useDatabase({
  schema: `CREATE TABLE users (id int PRIMARY KEY); CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM users`,
  mayStay: () => true,
});

/** What callers are told, in the order in which it is kept in `test/golden/error-texts.txt`. */
const told: string[] = [];

/** Notes what a call is refused with. */
async function note(call: string, refused: () => unknown): Promise<void> {
  tell(call, await refusal(call, refused));
}

/** The same, once the holder could be told within the time that a refusal waits for that, and the server has answered in time. */
async function noteHolder(call: string, refused: () => unknown): Promise<void> {
  await eventually(async () => {
    const error = await refusal(call, refused);
    if ((error as LockNotAvailableError).holder === undefined || error.message.includes('no answer'))
      return false;
    tell(call, error);
    return true;
  });
}

async function refusal(call: string, refused: () => unknown): Promise<PgLockError> {
  const error: unknown = await Promise.resolve()
    .then(refused)
    .then(
      (value) => new TypeError(`${call} was not refused, but gave ${String(value)}`),
      (reason: unknown) => reason,
    );
  if (!(error instanceof PgLockError)) throw error;
  return error;
}

function tell(call: string, { name, code, message }: PgLockError): void {
  told.push(`${call}\n  ${name} (${code})\n  ${plain(message)}\n`);
}

const plain = (text: string) =>
  text
    .replaceAll(database.name, 'DATABASE')
    .replace(/backend \d+/g, 'backend PID')
    .replace(/\b\d+(\.\d+)? ?(?:ms|s)\b/g, 'AGE')
    .replace(/Process \d+ waits .*? by process \d+\.?/gs, 'PROCESSES WAIT')
    .replace(/\([^()]*\/[^()]*:\d+:\d+\)|\S*\/\S+:\d+:\d+/g, 'PLACE');

describe('what callers are told', () => {
  const service = (options: PgLockModuleOptions = {}): PgLockService => openCore(database, options).service;

  it('when a lock is held elsewhere, or lost', async () => {
    const [one, two] = [service({ connection: named('orders-api') }), service()];
    const held = await one.acquire('billing.close', { timeout: 0 });
    await noteHolder("advisory('billing.close', { timeout: 0 })", () =>
      two.advisory('billing.close', { timeout: 0 }, () => 1),
    );
    await noteHolder("acquire('billing.close', { timeout: '50ms', onContention: 'throw' })", () =>
      two.acquire('billing.close', { timeout: '50ms', onContention: 'throw' }),
    );
    await noteHolder("advisory(['a', 'billing.close'], { timeout: 0 })", () =>
      two.advisory(['a', 'billing.close'], { timeout: 0 }, () => 1),
    );
    await noteHolder("advisory('billing.close', { xact: true, timeout: 0 })", () =>
      two.advisory('billing.close', { xact: true, timeout: 0 }, () => 1),
    );
    await noteHolder("advisory(['a', 'billing.close'], { xact: true, timeout: '50ms' })", () =>
      two.advisory(['a', 'billing.close'], { xact: true, timeout: '50ms' }, () => 1),
    );
    const permit = await one.acquire('gpu', { permits: 1, timeout: 0 });
    await noteHolder("advisory('gpu', { permits: 1, timeout: 0 })", () =>
      two.advisory('gpu', { permits: 1, timeout: 0 }, () => 1),
    );
    await permit?.release();
    await database.admin.query('SELECT pg_terminate_backend($1)', [held?.pid]);
    await eventually(() => held?.held === false);
    await note('lock.signal.reason, after its session was terminated', () =>
      Promise.reject(held?.signal.reason as Error),
    );
    await note("assertHeld('billing.close'), outside of a flow that holds it", () =>
      two.assertHeld('billing.close'),
    );
    await note("advisory('short', { maxHold: '20ms' }): lock.signal.reason", () =>
      two.advisory('short', { maxHold: '20ms' }, async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        throw signal.reason as Error;
      }),
    );
  });

  it('when a flow would wait for itself, or for others that wait for it', async () => {
    const pglock = service({ advisory: { selfWait: '50ms' } });
    await note("advisory('a') within advisory('a')", () =>
      pglock.advisory('a', () => pglock.advisory('a', () => 1)),
    );
    await note("advisory('a') within advisory('a', { shared: true }), reentrant", () =>
      pglock.advisory('a', { shared: true }, () => pglock.advisory('a', { reentrant: true }, () => 1)),
    );
    const met = barrier(2);
    const both = [
      () => pglock.advisory('x', async () => met.arrive().then(() => pglock.advisory('y', () => 1))),
      () => pglock.advisory('y', async () => met.arrive().then(() => pglock.advisory('x', () => 1))),
    ];
    await note("advisory('x') within advisory('y'), and the other way round", () =>
      Promise.all(both.map((run) => run())),
    );
  });

  it('when a table is held, missing, or not theirs', async () => {
    const role = await database.role('reader');
    await database.admin.query(`GRANT SELECT ON users TO ${role.name}`);
    const pglock = service();
    const blocker = await database.connect();
    await blocker.query('BEGIN; LOCK TABLE users');
    await note("model('users', { timeout: 0, onContention: 'throw' })", () =>
      pglock.transaction(() => pglock.model('users', { timeout: 0, onContention: 'throw' })),
    );
    await note("prioritize() under a role that may not signal others'", async () => {
      const reader = service({ connection: role.url });
      reader.events.once('blockerSignalled', () => void blocker.query('COMMIT'));
      return reader.prioritize({ interval: '50ms' }, () =>
        reader.transaction((tx) => tx.query('SELECT FROM users')),
      );
    });
    await blocker.end();
    for (const target of ['nosuch', 'counted'])
      await note(`model('${target}')`, () => pglock.transaction(() => pglock.model(target)));
    await note("model('users') under a role that may only read", () => {
      const reader = service({ connection: role.url });
      return reader.transaction(() => reader.model('users'));
    });
    await note('locks.terminateActivity({ ids: [7n] }) under that role', async () => {
      const holder = await database.connect();
      await holder.query('SELECT pg_advisory_lock(7)');
      const reader = service({ connection: role.url });
      return reader.locks.terminateActivity({ ids: [7n] });
    });
    await database.admin.query(`REVOKE ALL ON users FROM ${role.name}`);
  });

  it('when there is no transaction, or one too many', async () => {
    const pglock = service();
    await note("model('users') without a transaction", () => pglock.model('users'));
    await note("acquire('a', { transaction: undefined })", () =>
      pglock.acquire('a', { transaction: undefined as never, timeout: 0 }),
    );
    await note("advisory('a', { xact: true }) within pglock.transaction", () =>
      pglock.transaction(() => pglock.advisory('a', { xact: true }, () => 1)),
    );
    await note('transaction() within transaction()', () =>
      pglock.transaction(() => pglock.transaction(() => 1)),
    );
    await note('release() of a transaction-level lock', () =>
      pglock.advisory('a', { xact: true }, (lock) => lock.release()),
    );
  });

  it('when what they give is wrong', async () => {
    const pglock = service();
    const wrong = {
      "advisory('')": () => pglock.advisory('', () => 1),
      'acquire(1.5)': () => pglock.acquire(1.5),
      'acquire([17, 42, 5])': () => pglock.acquire([17, 42, 5] as never),
      "acquire('a', { timeout: 'soon' })": () => pglock.acquire('a', { timeout: 'soon' as never }),
      "acquire('a', { timeout: -1 })": () => pglock.acquire('a', { timeout: -1 }),
      "acquire('a', { tiemout: 5 })": () => pglock.acquire('a', { tiemout: 5 } as never),
      "model('users', { mode: 'EXCLUSIV' })": () =>
        pglock.transaction(() => pglock.model('users', { mode: 'EXCLUSIV' as never })),
      'timeout(0)': () => pglock.timeout(0, () => 1),
      "locks.find({ where: { colour: 'red' } })": () =>
        pglock.locks.find({ where: { colour: 'red' } as never }),
      "locks.find({ filters: ['oops'] })": () => pglock.locks.find({ filters: ['oops'] }),
      'locks.terminateActivity({})': () => pglock.locks.terminateActivity({}),
      "advisory('a', { permits: 0 })": () => pglock.advisory('a', { permits: 0 }, () => 1),
      "advisory('a', {})": () => pglock.advisory('a', {}, undefined as never),
      'transaction({})': () => pglock.transaction({} as never),
      "timeout('1s')": () => pglock.timeout('1s', undefined as never),
      'prioritize({})': () => pglock.prioritize({}, undefined as never),
      "lead('poller')": () => pglock.lead('poller', undefined as never),
      "jobs.wrap('nightly')": () => pglock.jobs.wrap('nightly', undefined as never),
      'withContext({})': () => pglock.withContext({}, undefined as never),
      'detached()': () => pglock.detached(undefined as never),
      "forRoot({ connection: 'shop' })": () => resolveOptions({ connection: 'shop' }),
      'forRoot({ sessions: { max: 0 } })': () => resolveOptions({ sessions: { max: 0 } }),
      'forRoot({ sesions: {} })': () => resolveOptions({ sesions: {} } as never),
    };
    for (const [call, refused] of Object.entries(wrong)) await note(call, refused);
  });

  it('when the server is away, or another one', async () => {
    const nowhere = service({ connection: 'postgres://app@127.0.0.1:1/shop' });
    await note("acquire('a', { timeout: 0 }), nothing listening", () =>
      nowhere.acquire('a', { timeout: 0, onContention: 'throw' }),
    );
    const full = service({ sessions: { lockTableShare: 0.000_1 } });
    await note('more locks than the share of the lock table', () =>
      full.advisory(['a', 'b', 'c', 'd', 'e', 'f'], () => 1),
    );
  });

  it('behind a pooler, and on a replica', async () => {
    if (pgBouncerIsInstalled) {
      const { url } = await startPgBouncer(database, 3);
      const pooled = service({ connection: url });
      await note("acquire('a') through PgBouncer in transaction mode", () =>
        pooled.acquire('a', { timeout: 0 }),
      );
      await note("timeout('1s') there, without a transaction", () =>
        pooled.timeout('1s', () => pooled.pool.query('SELECT 1')),
      );
      await note('prioritize() there, of a statement outside of a transaction', () =>
        pooled.prioritize(() => pooled.pool.query('SELECT 1')),
      );
    }
    if (major < 15) return;
    const primary = await startPostgres({
      own: true,
      settings: { wal_level: 'replica', max_wal_senders: 5 },
    });
    database.defer(() => primary.stop());
    const standby = await primary.standby();
    database.defer(() => standby.stop());
    await eventually(async () => {
      const client = new pg.Client(standby.url);
      await client.connect();
      return client.end().then(() => true);
    });
    const replica = service({ connection: standby.url });
    await note("acquire('a') on a read replica", () => replica.acquire('a', { timeout: 0 }));
    await note("advisory('a', { xact: true }) there", () => replica.advisory('a', { xact: true }, () => 1));
    const allowed = service({ connection: standby.url, sessions: { allowStandby: true } });
    await note("lead('poller') there, with allowStandby", () => allowed.lead('poller', () => 1));
    await note('lock.fencingToken() there, with allowStandby', () =>
      allowed.advisory('a', (lock) => lock.fencingToken()),
    );
  });

  it('when the module is shut down', async () => {
    const { service: pglock, close } = openClosed();
    await close();
    await note("advisory('a') after the shutdown", () => pglock.advisory('a', () => 1));
    await note('transaction() after the shutdown', () => pglock.transaction(() => 1));
    await note('locks.find() after the shutdown', () => pglock.locks.find());
    await note('prioritize() after the shutdown', () => pglock.prioritize(() => 1));
  });

  afterAll(() => {
    if (pgBouncerIsInstalled && major >= 15) expectGolden('error-texts.txt', told.join('\n'));
  });

  function openClosed() {
    const core = openCore(database);
    return { service: core.service, close: () => core.close() };
  }
});

function named(applicationName: string): string {
  const url = new URL(database.url);
  url.searchParams.set('application_name', applicationName);
  return url.href;
}
