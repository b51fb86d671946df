import { traceCommand } from '../../../lib/explain/trace/trace-command.js';
import { byte, int32, message } from '../../../lib/explain/trace/wire-message.js';
import { useDatabase } from '../../support/database.js';
import { raw, RawClient } from './raw-client.js';

const SCHEMA = `CREATE TABLE orders (id int PRIMARY KEY, total int); INSERT INTO orders SELECT g, g FROM generate_series(1, 1000) g;
  CREATE TABLE lines (a int);`;
const db = useDatabase({ schema: SCHEMA });
const { query, parse, bind, describe: described, execute, flush, sync, extended } = raw;

type Script = (client: RawClient) => Promise<void>;
type Environment = Readonly<Record<string, string | undefined>>;
const big = 'x'.repeat(17 * 1024 * 1024);

const SCRIPTS: Readonly<Record<string, Script>> = {
  'portals that are read in parts, with Flush': async (client) => {
    client.send(parse('SELECT id FROM orders ORDER BY id', 's'), flush());
    await client.until('1');
    client.send(bind('s', 'p'), described('p'), execute(3, 'p'), flush());
    await client.until('s');
    client.send(execute(3, 'p'), flush());
    await client.until('s');
    await client.ask(execute(0, 'p'), sync());
    await client.ask(raw.close('s'), raw.close('none'), sync());
  },
  'an error in the middle of a pipeline, and what is behind it': async (client) => {
    await client.ask(
      ...[parse('SELECT 1'), bind(), execute(), parse('SELECT 1 / 0'), bind(), execute()],
      ...[parse('SELECT 2'), bind(), execute(), sync()],
    );
    await client.ask(extended('ALTER TABLE orders ADD a int'));
    await client.ask(parse('ALTER TABLE orders ADD b int'), bind(), execute(), parse('SELEC'), sync());
    await client.ask(query('SELECT * FROM orders LIMIT 1'));
  },
  'an error that is told before the rest of its batch is sent': async (client) => {
    const failed = async (...rest: readonly Buffer[]) => {
      client.send(parse('SELEC'), flush());
      await client.until('E');
      await client.ask(...rest);
      await client.ask(query('SELECT 1'));
    };
    await failed(bind(), execute(), raw.close(''), sync());
    await failed(query('SELECT 2'), sync());
    await failed(raw.copyData('1\n'), raw.copyDone(), sync());
    await client.ask(
      parse('COPY nothing FROM STDIN'),
      bind(),
      execute(),
      raw.copyData('1\n'),
      raw.copyDone(),
      sync(),
    );
    await client.ask(
      parse('COPY lines FROM STDIN'),
      bind(),
      execute(),
      raw.copyData('1\n'),
      raw.copyDone(),
      sync(),
    );
    await client.ask(query('ALTER TABLE orders ADD a int'));
    await client.ask(query('BEGIN'));
    await client.ask(extended('ALTER TABLE orders ADD b int'));
    client.send(parse('SELEC'), flush());
    await client.until('E');
    await client.ask(extended('ALTER TABLE orders ADD c int'));
    await client.ask(query('ROLLBACK'));
  },
  'several DDL statements up to one Sync': async (client) => {
    const alter = (name: string) => [parse(`ALTER TABLE orders ADD ${name} int`), bind(), execute()];
    await client.ask(...alter('a'), ...alter('b'), sync());
    await client.ask(...alter('c'), ...alter('a'), sync());
    await client.ask(query('SELECT * FROM orders LIMIT 1'));
  },
  'names of statements and portals that are not there': async (client) => {
    await client.ask(bind('nothing'), execute(), sync());
    await client.ask(execute(0, 'nothing'), sync());
    await client.ask(sync());
    await client.ask(query(''));
    await client.ask(parse(''), bind(), execute(), sync());
    await client.ask(query('-- nothing'));
  },
  'an unnamed statement that lives on behind simple queries that are looked at': async (client) => {
    await client.ask(query('BEGIN'));
    await client.ask(parse('SELECT 1', 'kept'), sync());
    await client.ask(query('ALTER TABLE orders ADD a int'));
    await client.ask(bind('kept'), execute(), sync());
    await client.ask(query('SELECT 1 / 0'));
    await client.ask(extended('SELECT 1'));
    await client.ask(query('ALTER TABLE orders ADD b int'));
    await client.ask(query('ROLLBACK'));
  },
  'COPY from the client: alone, among others, in a transaction, failing, extended': async (client) => {
    const copied = async (sql: Buffer, ...end: readonly Buffer[]) => {
      client.send(sql);
      await client.until('G');
      await client.ask(raw.copyData('1\n2\n'), raw.copyData('3\n'), ...end);
    };
    await copied(query('COPY lines FROM STDIN'), raw.copyDone());
    await copied(query('CREATE TABLE made (a int); COPY made FROM STDIN; SELECT 1'), raw.copyDone());
    await copied(query('ALTER TABLE made ADD b int; COPY made (a) FROM STDIN'), raw.copyDone());
    await copied(query('COPY lines FROM STDIN'), raw.copyFail('enough'));
    await copied(query('COPY lines FROM STDIN'), raw.copyData('no number\n'), raw.copyDone());
    await client.ask(query('BEGIN'));
    await copied(query('ALTER TABLE made ADD c int; COPY made (a) FROM STDIN'), raw.copyDone());
    await client.ask(query('COMMIT'));
    await copied(extended('COPY lines FROM STDIN'), raw.copyDone(), sync());
    await copied(query('BEGIN; CREATE TABLE more (a int); COPY more FROM STDIN; COMMIT'), raw.copyDone());
    await client.ask(
      query('SELECT count(*) FROM made; SELECT count(*) FROM lines; SELECT count(*) FROM more'),
    );
  },
  'COPY whose data does not wait for the server to ask for it': async (client) => {
    const copied = (sql: string) =>
      client.ask(query(sql), raw.copyData('1\n2\n'), raw.copyData('3\n'), raw.copyDone());
    await copied('COPY lines FROM STDIN');
    await copied('CREATE TABLE made (a int); COPY made FROM STDIN; SELECT 1');
    await client.ask(query('BEGIN'));
    await copied('ALTER TABLE made ADD b int; COPY made (a) FROM STDIN');
    await client.ask(query('COMMIT'));
    await copied('SELECT count(*) FROM lines');
    await client.ask(query('SELECT count(*) FROM made'));
  },
  'COPY to the client': async (client) => {
    await client.ask(query('COPY orders TO STDOUT'));
    await client.ask(extended('COPY orders TO STDOUT'));
    await client.ask(query('CREATE TABLE c AS SELECT 1 AS a; COPY c TO STDOUT; SELECT 2'));
  },
  'messages greater than are read': async (client) => {
    await client.ask(query(`SELECT length('${big}')`));
    await client.ask(parse('SELECT length($1::text)'), sync());
    const value = Buffer.from(big);
    await client.ask(message(0x42, '', '', 0, 1, int32(value.length), value, 0), execute(), sync());
    await client.ask(extended('ALTER TABLE orders ADD a int'));
  },
  'the old call of functions': async (client) => {
    await client.ask(message(0x46, int32(89), 0, 0, 0));
    await client.ask(query('SELECT 1'));
  },
  'cursors, notices and notifications': async (client) => {
    await client.ask(query('LISTEN here'));
    await client.ask(query('BEGIN'));
    await client.ask(query('DECLARE c CURSOR FOR SELECT id FROM orders ORDER BY id'));
    await client.ask(query('FETCH 2 FROM c'));
    await client.ask(query('ALTER TABLE lines ADD b int'));
    await client.ask(query('FETCH 1 FROM c'));
    await client.ask(query('NOTIFY here'));
    await client.ask(query('COMMIT'));
    await client.ask(query('CREATE TABLE IF NOT EXISTS lines (a int)'));
    await client.ask(query("DO $$ BEGIN RAISE NOTICE 'said'; PERFORM pg_notify('here', 'by DO'); END $$"));
  },
};

/** An unknown kind of message ends the session. */
const ENDING: Script = async (client) => {
  await client.ask(query('ALTER TABLE orders ADD a int'));
  client.send(message(byte('!').readUInt8(0), 'what'));
  await client.until('nothing more');
};

async function told(script: Script, env: Environment): Promise<readonly string[]> {
  await db.admin.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await db.admin.query(SCHEMA);
  const client = await RawClient.open(env);
  await script(client);
  await client.close();
  return client.told;
}

const traced = async (script: Script, rollback = false) => {
  const options = { database: db.url, live: null, yes: true, rollback, label: 'raw', env: {} };
  return traceCommand(options, (env) => told(script, env));
};
const direct = (script: Script) => told(script, { DATABASE_URL: db.url });

describe('the protocol through the tracer', () => {
  it.each(Object.keys(SCRIPTS))('%s', async (name) => {
    const expected = await direct(SCRIPTS[name]!);
    const { result, report } = await traced(SCRIPTS[name]!);
    expect(result).toEqual(expected);
    expect(expected.length).toBeGreaterThan(3);
    expect(report.statements.length > 0).toBe(!name.startsWith('names'));
  });

  it('a message that there is not ends the session as it does without', async () => {
    const expected = await direct(ENDING);
    expect(expected.at(-1)).toMatch(/^E FATAL\|08P01/);
    expect((await traced(ENDING)).result).toEqual(expected);
  });

  it.each(Object.keys(SCRIPTS).filter((name) => !/^messages|notifications/.test(name)))(
    'rolled back: %s',
    async (name) => {
      const expected = await direct(SCRIPTS[name]!);
      const { result, refusal } = await traced(SCRIPTS[name]!, true);
      expect([refusal, result]).toEqual([undefined, expected]);
      const { rows } = await db.admin.query<{ n: number }>('SELECT count(*)::int AS n FROM lines');
      expect(rows).toEqual([{ n: 0 }]);
    },
  );

  it.each([['UPDATE orders SET total = 1 WHERE id = 1'], ['CREATE TABLE made AS SELECT * FROM orders']])(
    'counts the locks of the Parse of %s as its own',
    async (sql) => {
      for (const begin of [[], [query('BEGIN')]]) {
        if (begin.length === 0 && sql.startsWith('UPDATE')) continue; // not looked at
        const { report } = await traced(async (client) => {
          for (const message of begin) await client.ask(message);
          await client.ask(extended(sql));
        });
        const { locks, heldBefore } = report.statements.at(-1)!;
        expect(heldBefore).toEqual([]);
        expect(locks.map(({ relation }) => relation)).toContain('public.orders');
      }
    },
  );

  it.each([
    ['alone', []],
    ['in a transaction', ['BEGIN']],
    ['in a transaction that was looked at', ['BEGIN', 'ALTER TABLE orders ADD a int']],
  ])(
    'ends as it does without where the server ends it in the middle of a statement %s',
    async (_, before) => {
      const holder = await db.connect();
      await holder.query('SELECT pg_advisory_lock(18)');
      const ended: Script = async (client) => {
        for (const sql of before) await client.ask(query(sql));
        client.send(query('CREATE TABLE ended AS SELECT 1 AS a FROM pg_advisory_xact_lock(18)'));
        const { pid } = await db.waitForWaiter();
        await db.admin.query('SELECT pg_terminate_backend($1)', [pid]);
        await client.until('nothing more');
      };
      const expected = await direct(ended);
      expect(expected.at(-1)).toMatch(/^E FATAL\|57P01/);
      expect((await traced(ended)).result).toEqual(expected);
    },
  );

  it.each(['extended', 'query'] as const)(
    'does not look again at what a transaction repeats (%s protocol)',
    async (protocol) => {
      const { rows } = await db.admin.query<{ major: number }>(
        `SELECT current_setting('server_version_num')::int / 10000 AS major`,
      );
      if (rows[0]!.major < 14) return; // it does not count how often a prepared statement was executed
      const { result, report } = await traced(async (client) => {
        await client.ask(query('BEGIN'));
        for (let n = 0; n < 20; n++) await client.ask(raw[protocol]('INSERT INTO lines VALUES (1)'));
        await client.ask(
          query(
            `SELECT sum(generic_plans + custom_plans) FROM pg_prepared_statements WHERE name ~ '^pglock_explain_look'`,
          ),
        );
      });
      expect(result.at(-3)).toMatch(/^D ·[23]$/);
      const inserts = report.statements.slice(1, 21);
      expect(inserts[0]!.locks.map(({ mode }) => mode)).toEqual(['ROW EXCLUSIVE']);
      expect(inserts.slice(1).map(({ locks, partial }) => [locks, partial])).toEqual(
        Array(19).fill([[], false]),
      );
      expect(inserts[19]!.heldBefore.map(({ relation }) => relation)).toEqual(['public.lines']);
    },
  );

  it('hands notices on while their statement still runs', async () => {
    const holder = await db.connect();
    for (const sql of ['CREATE TABLE said AS SELECT says()', 'DO $$ BEGIN PERFORM says(); END $$'])
      await traced(async (client) => {
        await holder.query('SELECT pg_advisory_lock(17)');
        await db.admin.query(
          `CREATE OR REPLACE FUNCTION says() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE NOTICE ''now''; PERFORM pg_advisory_xact_lock(17); RETURN 1; END'`,
        );
        client.send(query(sql));
        await client.until('N');
        expect(client.told.some((line) => line.startsWith('Z'))).toBe(false);
        await holder.query('SELECT pg_advisory_unlock(17)');
        await client.until('Z');
      });
  });
});
