import pg from 'pg';
import { explainMigration } from '../../../lib/explain/explain-migration.js';
import { traceCommand } from '../../../lib/explain/trace/trace-command.js';
import { useDatabase } from '../../support/database.js';
import { describeBehindPgBouncer, startPgBouncer } from '../../support/pgbouncer.js';

const db = useDatabase({ schema: 'CREATE TABLE orders (id int PRIMARY KEY)' });

describeBehindPgBouncer('explaining through PgBouncer in transaction mode', () => {
  it('is refused before anything runs, and leaves no setting behind', async () => {
    const { url } = await startPgBouncer(db, 2);
    await expect(
      explainMigration({ database: url, sql: 'ALTER TABLE orders ADD a int', yes: true }),
    ).rejects.toThrow(/pooler in transaction mode .* Nothing was run/);
    const work = () => Promise.reject(new Error('the command was started'));
    const options = { database: url, live: null, yes: true, label: 'pooled', env: {} };
    await expect(traceCommand(options, work)).rejects.toThrow(/pooler in transaction mode/);
    const client = new pg.Client(url);
    await client.connect();
    const { rows } = await client.query(
      `SELECT current_setting('lock_timeout') AS limit, (SELECT count(*)::int FROM pg_prepared_statements) AS prepared`,
    );
    expect(rows).toEqual([{ limit: '0', prepared: 0 }]);
    await client.end();
  });
});
