import { resolve } from 'node:path';
import { build } from 'esbuild';
import { generatedFiles } from '../integration/transaction-clients/prisma.client.js';
import { spawnChild } from '../support/child.js';
import { advisoryLocks } from '../support/cores.js';
import { useDatabase } from '../support/database.js';

const database = useDatabase({ schema: 'CREATE TABLE numbers (how text, n int)' });

beforeAll(async () => {
  // Locks that are waited for in both orders are deadlocks, which PostgreSQL looks for after that.
  await database.admin.query(`ALTER DATABASE ${database.name} SET deadlock_timeout = '5ms'`);
});

const script = new URL('../support/children/transactional.cjs', import.meta.url);
let prismaClient = '';
const start = (kind: string) =>
  spawnChild(script, {
    args: [kind],
    env: { PGLOCK_URL: database.url, PGLOCK_PRISMA_CLIENT: prismaClient },
  });
const MANY_MS = 60_000;

/** What Prisma generates is an ES module in TypeScript. */
beforeAll(async () => {
  const source = await generatedFiles();
  const folder = resolve(source, '../prisma-test-cjs');
  await build({
    entryPoints: [resolve(source, 'client.ts')],
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    packages: 'external',
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'error',
  });
  prismaClient = resolve(folder, 'client.cjs');
});

describe.each([
  'nestjs-cls on TypeORM',
  'nestjs-cls on Drizzle',
  'nestjs-cls on Prisma',
  'typeorm-transactional',
])('@Transactional() of %s, in a CommonJS application', (kind) => {
  afterAll(() => database.admin.query('TRUNCATE numbers'));

  it('goes with locks above it, and below it with untilCommit; without, both places are told', async () => {
    const replicas = [start(kind), start(kind)];
    for (const replica of replicas) await replica.next('ready', MANY_MS);
    for (const replica of replicas) replica.send('add');
    for (const replica of replicas) await replica.next('added', MANY_MS);
    const { rows } = await database.admin.query(
      `SELECT how, count(*)::int AS added, count(DISTINCT n)::int AS seen FROM numbers WHERE how IN ('above', 'held') GROUP BY how ORDER BY how`,
    );
    expect(rows).toEqual([
      { how: 'above', added: 40, seen: 40 },
      { how: 'held', added: 40, seen: 40 },
    ]);
    for (const replica of replicas) {
      // typeorm-transactional leaves no trace of its caller, whose method the stack of the work still tells.
      const [below, outer] =
        kind === 'typeorm-transactional'
          ? [/Numbers\.lockBelow .*transactional\.cjs:\d+/, /Numbers\.outer .*transactional\.cjs:\d+/]
          : [/transactional\.cjs:\d+/, /transactional\.cjs:\d+/];
      expect(await replica.next('told')).toMatchObject({
        ...{ id: 'below', locked: 'the work Numbers.lockBelow' },
        began: expect.stringMatching(below) as string,
      });
      expect(await replica.next('told')).toMatchObject({
        ...{ id: 'inner', locked: 'the work Numbers.inner' },
        began: expect.stringMatching(outer) as string,
      });
    }

    const [replica, other] = replicas as [(typeof replicas)[0], (typeof replicas)[0]];
    await other.kill();
    replica.send('hold');
    await replica.next('held');
    expect(await advisoryLocks(database)).toHaveLength(1);
    replica.send('commit');
    expect(await replica.next('committed')).toMatchObject({ isFree: true });
    if (kind.startsWith('nestjs-cls'))
      expect(await replica.next('nested')).toMatchObject({ held: false, again: true, same: true });
    const flooded = await replica.next('flooded', MANY_MS);
    expect(flooded).toMatchObject({ others: [] });
    expect(Number(flooded['done']) + Number(flooded['deadlocks'])).toBe(200);
    await replica.next('done');
    expect(await replica.exit).toEqual({ code: 0, signal: null });
  });
});
