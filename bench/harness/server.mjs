import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { startPostgres } from '../../test/support/postgres/start-postgres.mjs';

/**
 * As in production: a commit is on the disk before it is answered. Peers that keep their locks in rows pay for that, as
 * they would there. The lock table is made larger, so that 20 000 locks fit in for the question of who holds them.
 */
const SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  wal_level: 'replica',
  max_prepared_transactions: '0',
  max_connections: '200',
  max_locks_per_transaction: '256',
};

const TOLD = [...Object.keys(SETTINGS), 'shared_buffers', 'deadlock_timeout'];

/**
 * A database of the bench's own: on an embedded server with the settings above, or on the one that `DATABASE_URL` names, as
 * it is.
 */
export async function openDatabase(settings = {}) {
  const running = process.env.DATABASE_URL;
  const server = running
    ? { url: running, stop: async () => undefined }
    : await startPostgres({ own: true, settings: { ...SETTINGS, ...settings } });
  const name = `pglock_bench_${randomBytes(4).toString('hex')}`;
  try {
    await query(server.url, `CREATE DATABASE ${name} TEMPLATE template0`);
  } catch (error) {
    await server.stop();
    throw error;
  }
  const url = withDatabase(server.url, name);
  return {
    url,
    about: await about(url, running === undefined),
    async close() {
      await query(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).catch(() => undefined);
      await server.stop();
    },
  };
}

/** Runs one statement on a connection of its own. */
export async function query(url, text, values) {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

async function about(url, embedded) {
  const [{ version }] = await query(url, `SELECT current_setting('server_version') AS version`);
  const rows = await query(
    url,
    'SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY ($1) ORDER BY 1',
    [TOLD],
  );
  return {
    version,
    embedded,
    settings: Object.fromEntries(rows.map((row) => [row.name, row.value])),
  };
}

function withDatabase(url, name) {
  const parts = new URL(url);
  parts.pathname = `/${name}`;
  return parts.href;
}
