import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { traceCommand } from '../../../lib/explain/trace/trace-command.js';
import { selfSigned } from '../../../lib/explain/trace/self-signed.js';
import { serverUser } from '../../support/postgres/server-user.mjs';
import { startPostgres } from '../../support/postgres/start-postgres.mjs';

const folder = mkdtempSync(join(tmpdir(), 'pglock-tls-'));
const certificate = join(folder, 'server.pem');
let url: URL;
let stop: () => Promise<void>;

/** Over TCP the role `guarded` comes in by TLS and SCRAM only. */
const HBA = `hostssl all guarded 127.0.0.1/32 scram-sha-256
hostnossl all guarded 127.0.0.1/32 reject
host all postgres 127.0.0.1/32 trust
`;

async function written(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  const { uid, gid } = await serverUser();
  for (const one of [folder, path]) if (uid !== undefined && gid !== undefined) chownSync(one, uid, gid);
  return path;
}

beforeAll(async () => {
  const { key, cert } = selfSigned();
  const settings = {
    ssl: 'on',
    ssl_cert_file: await written('server.pem', cert),
    ssl_key_file: await written('server.key', key),
    hba_file: await written('hba.conf', HBA),
    password_encryption: 'scram-sha-256',
  };
  const server = await startPostgres({ own: true, settings });
  stop = () => server.stop();
  const admin = new pg.Client(server.url);
  await admin.connect();
  await admin.query(`CREATE ROLE guarded LOGIN PASSWORD 'a secret: with @/?'`);
  await admin.query('CREATE DATABASE guarded OWNER guarded');
  await admin.end();
  url = new URL(server.url);
  url.username = 'guarded';
  url.password = encodeURIComponent('a secret: with @/?');
  url.pathname = '/guarded';
});
afterAll(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

const traced = (database: string, rollback = false) =>
  traceCommand(
    { database, live: null, yes: true, rollback, label: 'tls', env: { DATABASE_URL: database } },
    async (env) => {
      const client = new pg.Client({ connectionString: env['DATABASE_URL'] });
      await client.connect();
      await client.query('CREATE TABLE IF NOT EXISTS orders (id int)');
      await client.query('ALTER TABLE orders ADD COLUMN IF NOT EXISTS a int');
      const { rows } = await client.query<{ ssl: boolean }>(
        'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
      );
      const { rows: big } = await client.query<{ n: number }>(
        `SELECT length(repeat('x', 1000000))::int AS n, repeat('x', 1000000) FROM generate_series(1, 5)`,
      );
      await client.end();
      return { ssl: rows[0]?.ssl, host: client.host, rows: big.length };
    },
  );

describe('a server that demands TLS and SCRAM', () => {
  it.each([false, true])(
    'is reached with verify-full, and the command talks to the tracer in the clear (rolled back: %s)',
    async (rollback) => {
      const verified = `${url.href}?sslmode=verify-full&sslrootcert=${encodeURIComponent(certificate)}`;
      const { result, report, refusal } = await traced(verified, rollback);
      expect([refusal, result]).toEqual([undefined, { ssl: true, host: '127.0.0.1', rows: 5 }]);
      expect(report.statements.map(({ error }) => error)).toEqual([null, null, null, null]);
      expect(report.statements[1]?.locks.length).toBe(1);
    },
  );

  it('is not believed where its certificate is unknown', async () => {
    await expect(traced(`${url.href}?sslmode=verify-full`)).rejects.toThrow(/self-signed|certificate/);
  });

  it('refuses a connection in the clear, in its own words', async () => {
    await expect(traced(`${url.href}?sslmode=disable`)).rejects.toThrow(/pg_hba\.conf/);
  });
});
