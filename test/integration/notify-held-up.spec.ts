import pg from 'pg';
import { createCore, type PgLockCore } from '../../lib/core/pg-lock-core.js';
import { LockSessionError } from '../../lib/errors/lock-session.error.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import type { PeerMessageKind } from '../../lib/peers/peers.js';
import { eventually } from '../support/database.js';
import { startPostgres, type OwnPostgresServer } from '../support/postgres/start-postgres.mjs';

const LEASE_MS = 5_000;
const NUMBER: PeerMessageKind<number> = {
  name: 'number',
  read: (body) => (typeof body === 'number' ? body : undefined),
};

let server: OwnPostgresServer;
const cores: PgLockCore[] = [];

beforeAll(async () => {
  // A synchronous standby that is not there: who commits with `synchronous_commit = on` waits for it.
  const settings = { synchronous_standby_names: 'missing', synchronous_commit: 'local' };
  server = await startPostgres({ own: true, settings });
});

afterEach(() => Promise.all(cores.splice(0).map((core) => core.close())));
afterAll(() => server.stop());

async function listening(): Promise<PgLockCore> {
  const sessions = { lease: LEASE_MS, heartbeat: 500 };
  const core = createCore(resolveOptions({ connection: server.url, sessions }));
  cores.push(core);
  core.peers.keepListening();
  await eventually(() => core.peers.listeningSince !== undefined);
  return core;
}

/** A transaction of the application that notifies, and whose commit waits for the standby until it is told to end. */
async function commitThatWaits(): Promise<() => Promise<void>> {
  const [client, admin] = [new pg.Client(server.url), new pg.Client(server.url)];
  await Promise.all([client.connect(), admin.connect()]);
  const pid = (client as unknown as { processID: number }).processID;
  await admin.query('CREATE TABLE IF NOT EXISTS orders (id int)');
  await client.query('SET synchronous_commit = on');
  await client.query('BEGIN');
  await client.query('INSERT INTO orders VALUES (1)');
  await client.query('NOTIFY orders');
  const committed = client.query('COMMIT');
  const isWaiting = async () => {
    const sql = "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'";
    return (await admin.query(sql, [pid])).rowCount === 1;
  };
  await eventually(isWaiting);
  return async () => {
    await admin.query('SELECT pg_cancel_backend($1)', [pid]);
    await committed;
    await Promise.all([client.end(), admin.end()]);
  };
}

describe('a commit of the application that notifies, and waits for a synchronous standby', () => {
  it('takes no lock away: what is told meanwhile fails in time, and what may be late is told later', async () => {
    const [a, b] = [await listening(), await listening()];
    const heard: number[] = [];
    b.peers.on(NUMBER, (body) => heard.push(body));
    const lock = await a.service.acquire('billing');
    const release = await commitThatWaits();
    const late = a.peers.tellWithin(NUMBER, 1, 0);
    const until = performance.now() + 2 * LEASE_MS;
    while (performance.now() < until) await expect(a.peers.tell(NUMBER, 2)).rejects.toThrow(LockSessionError);
    expect(lock?.signal.aborted).toBe(false);
    expect(lock?.held).toBe(true);
    await release();
    await late;
    await a.peers.tell(NUMBER, 3);
    await b.peers.sync();
    expect(heard).toEqual([1, 3]);
    await lock?.release();
  });
});
