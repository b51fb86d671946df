import { traceCommand } from '../../../lib/explain/trace/trace-command.js';
import type { ExplainReport } from '../../../lib/explain/report.js';
import { useDatabase } from '../../support/database.js';
import { raw, RawClient } from './raw-client.js';

const SCHEMA = 'CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders SELECT generate_series(1, 10)';
const db = useDatabase({ schema: SCHEMA });
const { query, parse, bind, describe: described, execute, flush, sync, extended } = raw;

async function reported(script: (client: RawClient) => Promise<void>): Promise<ExplainReport> {
  const options = { database: db.url, live: null, yes: true, label: 'extended', env: {} };
  const { report } = await traceCommand(options, async (env) => {
    const client = await RawClient.open(env);
    await script(client);
    await client.close();
  });
  return report;
}

function outcomes({ statements }: ExplainReport) {
  return statements.map(({ sql, error, partial }) => [sql, error?.code ?? null, error !== null && partial]);
}

describe('the report of the extended protocol', () => {
  it('has the errors of statements that cannot be parsed or bound, executed or not', async () => {
    const report = await reported(async (client) => {
      await client.ask(extended('SELECT * FROM nothing'));
      await client.ask(extended('ALTER TABLE nothing ADD a int'));
      await client.ask(extended('INSERT INTO nothing VALUES (1)'));
      await client.ask(parse('SELECT FROM gone', 's'), sync());
      client.send(parse('SELEC'), flush());
      await client.until('E');
      await client.ask(bind(), execute(), sync());
      await client.ask(parse('SELECT 1 AS a', 'there'), bind('missing'), execute(), sync());
      await client.ask(query('BEGIN'));
      await client.ask(extended('UPDATE nothing SET a = 1'));
      await client.ask(extended('SELECT 1'));
      await client.ask(query('ROLLBACK'));
    });
    expect(outcomes(report)).toEqual([
      ['SELECT * FROM nothing', '42P01', false],
      ['ALTER TABLE nothing ADD a int', '42P01', false],
      ['INSERT INTO nothing VALUES (1)', '42P01', false],
      ['SELECT FROM gone', '42P01', false],
      ['SELEC', '42601', false],
      ['BEGIN', null, false],
      ['UPDATE nothing SET a = 1', '42P01', false],
      ['SELECT 1', '25P02', false],
      ['ROLLBACK', null, false],
    ]);
  });

  it('leaves out what the server skips behind an error', async () => {
    const report = await reported(async (client) => {
      await client.ask(
        ...[parse('SELECT 1'), bind(), execute(), parse('SELECT 1 / 0'), bind(), execute()],
        ...[parse('DROP TABLE orders'), bind(), execute(), sync()],
      );
      await client.ask(
        ...[parse('SELECT 2'), bind(), execute(), parse('SELECT wrong'), bind(), execute()],
        ...[parse('DROP TABLE orders'), bind(), execute(), sync()],
      );
      await client.ask(query('SELECT count(*) FROM orders'));
    });
    expect(outcomes(report)).toEqual([
      ['SELECT 1', null, false],
      ['SELECT 1 / 0', '22012', false],
      ['SELECT 2', null, false],
      ['SELECT wrong', '42703', false],
      ['SELECT count(*) FROM orders', null, false],
    ]);
  });

  it('has a statement once whose rows are read in parts', async () => {
    const report = await reported(async (client) => {
      client.send(parse('SELECT id FROM orders ORDER BY id', 's'), flush());
      await client.until('1');
      client.send(bind('s', 'p'), described('p'), execute(3, 'p'), flush());
      await client.until('s');
      await client.ask(execute(0, 'p'), sync());
      await client.ask(query('BEGIN'));
      await client.ask(bind('s', 'q'), execute(4, 'q'), sync());
      await client.ask(execute(4, 'q'), sync());
      await client.ask(bind('s', 'q2'), execute(0, 'q2'), sync());
      await client.ask(query('COMMIT'));
    });
    const text = 'SELECT id FROM orders ORDER BY id';
    expect(report.statements.map(({ sql }) => sql)).toEqual([text, 'BEGIN', text, text, 'COMMIT']);
    expect(report.statements.every(({ durationMs }) => durationMs > 0)).toBe(true);
  });
});

describe('the report of a traced command', () => {
  const locksOf = ({ statements }: ExplainReport) =>
    statements.map(({ sql, locks }) => [
      sql,
      locks.map(({ relation, mode, created }) => `${relation} ${mode}${created === true ? ' created' : ''}`),
    ]);

  it('knows a table that SELECT INTO has made from then on', async () => {
    for (const sql of ['SELECT * INTO n FROM orders', 'WITH x AS (SELECT 1 AS a) SELECT a INTO n FROM x']) {
      const report = await reported(async (client) => {
        await client.ask(query(sql));
        await client.ask(query('ALTER TABLE n ADD z int'));
        await client.ask(query('DROP TABLE n'));
      });
      const [made, altered] = report.statements;
      expect([made?.partial, made?.locks[0]?.created ?? made?.locks.at(-1)?.created]).toEqual([false, true]);
      expect(altered?.locks).toMatchObject([{ relation: 'public.n', mode: 'ACCESS EXCLUSIVE' }]);
      expect(altered?.locks[0]?.created).toBeUndefined();
      expect(altered?.findings.map(({ name }) => name)).toContain('access-exclusive');
    }
  });

  it('does not say of a PREPARE that it locks nothing', async () => {
    const report = await reported(async (client) => {
      await client.ask(query('BEGIN'));
      await client.ask(query('PREPARE p AS SELECT * FROM orders'));
      await client.ask(query('ALTER TABLE orders ADD a int'));
      await client.ask(query('ROLLBACK'));
    });
    expect(report.statements[1]?.partial).toBe(true);
    expect(report.statements[2]?.heldBefore.map(({ mode }) => mode)).toEqual(['ACCESS SHARE']);
  });

  it('has an index once that is made anew', async () => {
    const report = await reported(async (client) => {
      await client.ask(query('CREATE TABLE typed (a int, b int)'));
      await client.ask(query('CREATE INDEX typed_a ON typed (a)'));
      await client.ask(query('BEGIN'));
      await client.ask(query('ALTER TABLE typed ALTER a TYPE bigint'));
      await client.ask(query('ALTER TABLE typed ADD c int'));
      await client.ask(query('ROLLBACK'));
      await client.ask(query('DROP TABLE typed'));
    });
    expect(locksOf(report)[3]![1]).toEqual([
      'public.typed ACCESS EXCLUSIVE',
      'public.typed_a ACCESS EXCLUSIVE',
    ]);
    expect(report.statements[4]!.heldBefore.map(({ relation }) => relation)).toEqual([
      'public.typed',
      'public.typed_a',
    ]);
  });
});
