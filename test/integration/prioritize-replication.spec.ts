import pg from 'pg';
import type { PrioritizeReport } from '../../lib/prioritize/prioritize-options.js';
import { cancel, terminate } from '../../lib/prioritize/blocker-rule.js';
import { createCore } from '../../lib/core/pg-lock-core.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { startPostgres, type OwnPostgresServer } from '../support/postgres/start-postgres.mjs';
import { eventually } from '../support/waiting.js';

describe('a blocker that waits for a synchronous standby', () => {
  let server: OwnPostgresServer;
  let admin: pg.Client;

  beforeAll(async () => {
    server = await startPostgres({
      own: true,
      settings: { max_connections: 30, wal_level: 'replica', max_wal_senders: 2 },
    });
    admin = new pg.Client({ connectionString: server.url });
    await admin.connect();
    await admin.query('CREATE TABLE users (id int)');
  });

  afterAll(async () => {
    await admin.end();
    await server.stop();
  });

  async function standbys(names: string): Promise<void> {
    await admin.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
    await admin.query('SELECT pg_reload_conf()');
    await eventually(async () => {
      const { rows } = await admin.query<{ value: string }>(
        "SELECT current_setting('synchronous_standby_names') AS value",
      );
      return rows[0]!.value === names;
    });
  }

  it.each(['cancel', 'terminate'] as const)('has committed, and is left alone by %s', async (action) => {
    await standbys('missing');
    const writer = new pg.Client({ connectionString: server.url, application_name: 'writer' });
    await writer.connect();
    await writer.query(
      "SET synchronous_commit = 'on'; BEGIN; LOCK TABLE users; INSERT INTO users VALUES (1)",
    );
    const committed = writer.query('COMMIT').then(({ command }) => command);
    await eventually(async () => {
      const { rows } = await admin.query(
        "SELECT FROM pg_stat_activity WHERE application_name = 'writer' AND wait_event = 'SyncRep'",
      );
      return rows.length === 1;
    });
    const core = createCore(resolveOptions({ connection: server.url }));
    const outcomes: unknown[] = [];
    const onKilled = async (report: PrioritizeReport): Promise<void> => {
      outcomes.push(...report.outcomes.map(({ outcome, reason }) => [outcome, reason]));
      expect(report.killed).toEqual([]);
      await standbys('');
    };
    try {
      const onBlocked = action === 'cancel' ? cancel() : terminate();
      await core.service.prioritize({ interval: '20ms', onBlocked, onKilled }, () =>
        core.service.pool.query('SELECT * FROM users'),
      );
      expect(outcomes).toEqual([['waitsForReplication', expect.stringMatching(/has committed/)]]);
      await expect(committed).resolves.toBe('COMMIT');
    } finally {
      await standbys('');
      await core.close();
      await writer.end();
    }
  });
});
