import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { cliFolder } from '../../support/cli.js';
import { useDatabase } from '../../support/database.js';

const resolve = createRequire(import.meta.url).resolve;
const pg = JSON.stringify(pathToFileURL(resolve('pg')).href);
const TRACER = JSON.stringify(new URL('../../../build/explain/trace/trace-command.js', import.meta.url).href);
const db = useDatabase({ schema: 'CREATE TABLE lines (a text)' });

const MEGABYTES = 150;

/** What the command reads or writes, of a thousand rows of a kilobyte a megabyte. */
const COMMANDS = {
  result: (megabytes: number) => `
    const query = new pg.Query("SELECT repeat('x', 1000) FROM generate_series(1, ${megabytes * 1000})");
    query.on('row', () => undefined);
    const ended = new Promise((resolve, reject) => query.on('end', resolve).on('error', reject));
    client.query(query);
    await ended;`,
  copy: (megabytes: number) => `
    const rows = Buffer.from(('x'.repeat(999) + '\\n').repeat(1000));
    await new Promise((resolve, reject) => client.query({
      submit: (connection) => connection.query('COPY lines FROM STDIN'),
      handleCopyInResponse: async (connection) => {
        for (let n = 0; n < ${megabytes}; n++) {
          connection.sendCopyFromChunk(rows);
          while (connection.stream.writableNeedDrain) await new Promise((drained) => connection.stream.once('drain', drained));
        }
        connection.endCopyFrom();
      },
      handleCommandComplete: () => undefined,
      handleReadyForQuery: resolve,
      handleError: reject,
    }));`,
};

const command = (work: string) => `
  import pg from ${pg};
  const client = new pg.Client(process.env.DATABASE_URL);
  await client.connect();
  ${work}
  await client.end();`;

/** A process that traces a small command and then a great one, and prints the most memory that each took, in megabytes. */
const measuring = (rollback: boolean) => `
  import { spawn } from 'node:child_process';
  import { once } from 'node:events';
  import { traceCommand } from ${TRACER};
  const traced = (script) => traceCommand(
    { database: process.env.DATABASE_URL, live: null, yes: true, rollback: ${rollback}, label: 'memory', env: process.env },
    async (env) => { const child = spawn(process.execPath, [script], { env, stdio: 'inherit' }); const [code] = await once(child, 'exit'); if (code !== 0) process.exit(9); },
  );
  const peak = () => Math.round(process.resourceUsage().maxRSS / 1024);
  await traced('small.mjs');
  const before = peak();
  await traced('great.mjs');
  console.log(JSON.stringify([before, peak()]));`;

describe('the memory of the tracer', () => {
  it.each([
    ['result', false],
    ['result', true],
    ['copy', false],
    ['copy', true],
  ] as const)('does not grow with a %s of 150 MB (rolled back: %s)', async (kind, rollback) => {
    const folder = cliFolder(db);
    folder.write('small.mjs', command(COMMANDS[kind](1)));
    folder.write('great.mjs', command(COMMANDS[kind](MEGABYTES)));
    folder.write('measure.mjs', measuring(rollback));
    const { code, stdout, stderr } = await folder.node('measure.mjs');
    expect([code, stderr]).toEqual([0, '']);
    const [before = 0, after = Infinity] = JSON.parse(stdout) as number[];
    expect(before).toBeGreaterThan(20);
    expect(after - before).toBeLessThan(MEGABYTES * 0.7);
    await db.admin.query('TRUNCATE lines');
  });
});
