import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { PrismaPg } from '@prisma/adapter-pg';
import type { PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import { PgLockModule, PgLockService } from '../../lib/index.js';
import { generatedClient } from '../integration/transaction-clients/prisma.client.js';
import { advisoryLocks } from '../support/cores.js';
import { eventually, useDatabase } from '../support/database.js';
import { document, documents, whereIs, type Block } from './support/documents.js';
import { importFile, runFragment, type World } from './support/run.js';

const SCHEMA = `
  CREATE TABLE invoices (id int PRIMARY KEY, paid boolean NOT NULL DEFAULT false);
  INSERT INTO invoices VALUES (7);
  CREATE TABLE exports (token bigint NOT NULL);
  INSERT INTO exports VALUES (0);
  CREATE TABLE users (id int PRIMARY KEY);
  CREATE TABLE cursors (name text PRIMARY KEY, position int NOT NULL DEFAULT 0, term bigint NOT NULL DEFAULT 0);
  INSERT INTO cursors VALUES ('inbox');
  CREATE TABLE addresses (id int GENERATED ALWAYS AS IDENTITY, address text NOT NULL);
  CREATE TABLE orders (id int PRIMARY KEY);
  CREATE SCHEMA billing;
  CREATE TABLE billing.invoices (id int PRIMARY KEY)`;

const db = useDatabase({ schema: SCHEMA });
const blocks = documents().flatMap((found) => found.blocks);

const check = (actual: unknown, promised: unknown) => expect(actual).toEqual(promised);

/** What follows a recipe that is found by a part of its text, to show that it works and to close what it opened. */
const ORM_PROOFS: readonly (readonly [part: string, proof: string])[] = [
  [
    '@InjectPgLockPool()',
    `const app = await Test.createTestingModule({
       imports: [PgLockModule.forRoot({ connection: url })],
       providers: [Invoices],
     }).compile();
     expect((await (app.get(Invoices) as any).pool.query('SELECT 1')).rowCount).toBe(1);
     await app.close();`,
  ],
  [
    'dataSourceProvider',
    `const source = await (dataSourceProvider.useFactory as any)(pglock);
     expect(await pglock.timeout('3s', () => source.query('SHOW lock_timeout'))).toEqual([{ lock_timeout: '3s' }]);
     await source.destroy();`,
  ],
  [
    'class Invoice {\n  @PrimaryColumn',
    `const source = await new DataSource({ type: 'postgres', driver: pglock.pgDriver, entities: [Invoice] }).initialize();
     expect(await new Invoices(source, pglock).closeMonth()).toBe(0);
     await source.destroy();`,
  ],
  [
    'new PrismaPg(pglock.pool)',
    `const prisma = new GeneratedPrisma({ adapter });
     expect(await prisma.$queryRaw\`SELECT 1 AS one\`).toEqual([{ one: 1 }]);
     await prisma.$disconnect();`,
  ],
  [
    'function pay(prisma',
    `const prisma = new GeneratedPrisma({ adapter: new PrismaPg(pglock.pool) });
     await pay(prisma);
     await prisma.$disconnect();`,
  ],
  ["from 'drizzle-orm/node-postgres'", 'await db.$client.end();'],
  ["from 'kysely';\n\nconst db", 'await db.destroy();'],
  [
    "from 'knex'",
    `expect(await knex('invoices').where({ id: 7 })).toMatchObject([{ paid: true }]);
     await knex.destroy();`,
  ],
  ['@mikro-orm/postgresql', 'await orm.close();'],
  [
    "from 'sequelize'",
    `expect(await pglock.timeout('3s', () => sequelize.query('SHOW lock_timeout', { plain: true })))
       .toEqual({ lock_timeout: '3s' });
     await sequelize.close();`,
  ],
  ["from 'postgres'", 'await sql.end();'],
  [
    'registerTransactionResolver(',
    `await storage.run({ tx }, async () => {
       expect(await pglock.acquire('ambient', { transaction: 'ambient', timeout: 0 })).toMatchObject({ held: true });
     });`,
  ],
  [
    'registerTransactionAdapter<Session>',
    `const session = { inTransaction: true, run: async (text: string, values: unknown[]) => (await tx.query(text, values)).rows };
     expect(await pglock.acquire('adapted', { transaction: session, timeout: 0 })).toMatchObject({ held: true });
     expect(await pglock.model('invoices', { transaction: session })).toBe(true);`,
  ],
];

describe('fragments in README and docs that run', () => {
  const fragments = blocks.filter(({ language, flags }) => language === 'ts' && flags.includes('run'));

  it.each(fragments.map((block) => [whereIs(block), block] as const))('%s', async (_place, block) => {
    const app = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
    }).compile();
    await app.init();
    db.defer(() => app.close());
    const pglock = app.get(PgLockService);
    await holdElsewhere(block);
    const { world, end } = await worldOf(pglock);
    try {
      await runFragment(block, world, check);
    } finally {
      await end();
    }
  });
});

describe('the recipes of docs/orms.md', () => {
  const recipes = document('docs/orms.md').blocks.filter(
    ({ language, flags }) => language === 'ts' && !flags.includes('run'),
  );
  const proofOf = ({ code }: Block) => ORM_PROOFS.filter(([part]) => code.includes(part));

  it('each have a proof here', () => {
    expect(recipes.map((block) => [whereIs(block), proofOf(block).length])).toEqual(
      recipes.map((block) => [whereIs(block), 1]),
    );
  });

  it.each(recipes.map((block) => [whereIs(block), block] as const))('%s', async (_place, block) => {
    const app = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
    }).compile();
    await app.init();
    db.defer(() => app.close());
    const { world, end } = await worldOf(app.get(PgLockService));
    const { PrismaClient } = await generatedClient();
    const [[, proof] = ['', '']] = proofOf(block);
    const code = `${block.code.replaceAll('postgres://localhost/shop', db.url).replaceAll(/^export /gm, '')}\n${proof}`;
    const imports = { DataSource, PrismaPg, GeneratedPrisma: PrismaClient, url: db.url, expect };
    try {
      await runFragment({ ...block, code }, { ...imports, ...world }, check);
    } finally {
      await end();
    }
    expect(await advisoryLocks(db)).toEqual([]);
  });
});

it('would notice a fragment that gives something else than it promises', async () => {
  const block = { document: 'wrong.md', line: 1, language: 'ts', flags: ['run'], file: undefined };
  const run = (code: string) => runFragment({ ...block, code }, { work: async () => 'done' }, check);
  await expect(run("const result = await work();\nresult; // → 'nothing'\n")).rejects.toThrow('"nothing"');
});

/** `held=ID`: another session has that lock while the fragment runs. */
async function holdElsewhere({ flags }: Block): Promise<void> {
  const id = flags.find((flag) => flag.startsWith('held='))?.slice('held='.length);
  if (id === undefined) return;
  const other = await Test.createTestingModule({
    imports: [PgLockModule.forRoot({ connection: db.url })],
  }).compile();
  db.defer(() => other.close());
  await other.init();
  await other.get(PgLockService).acquire(id, { timeout: 0, onContention: 'throw' });
}

/** What `ambient.d.ts` declares. */
async function worldOf(pglock: PgLockService): Promise<{ world: World; end: () => Promise<void> }> {
  const tx: PoolClient = await pglock.pool.connect();
  await tx.query('BEGIN');
  const nothing = async () => undefined;
  const world = {
    pglock,
    tx,
    pool: pglock.pool,
    console: { warn: nothing, error: nothing },
    closeMonth: async () => 42,
    work: async () => 'done',
    exportInvoices: nothing,
    rebuild: nothing,
    transfer: nothing,
    migrate: nothing,
    doStuff: nothing,
  };
  const end = async () => {
    await tx.query('ROLLBACK');
    tx.release();
  };
  return { world, end };
}

describe('SQL in README and docs', () => {
  const statements = blocks.filter(({ language }) => language === 'sql');

  it.each(statements.map((block) => [whereIs(block), block] as const))(
    '%s is what the server takes',
    async (_place, block) => {
      const client = await db.connect();
      await client.query('BEGIN');
      await expect(client.query(block.code)).resolves.toBeDefined();
      await client.query('ROLLBACK');
      await client.query('SELECT pg_advisory_unlock_all()');
    },
  );
});

/** A replica of the application that a guide shows, with its own connection to our database. */
async function replica(module: unknown): Promise<{ app: INestApplication; url: string }> {
  const { NestFactory } = await import('@nestjs/core');
  const app = await NestFactory.create(module as never, { logger: ['error'] });
  db.defer(() => app.close());
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

describe('the quick start of README', () => {
  const files = document('README.md').blocks;
  const post = async (url: string) =>
    (await fetch(url, { method: 'POST', headers: { connection: 'close' } })).status;

  it('runs a job on one of two replicas, and answers 423 for an order that is being paid', async () => {
    process.env.DATABASE_URL = db.url;
    db.defer(() => delete process.env.DATABASE_URL);
    const { AppModule } = await importFile(files, 'app.module.ts');
    const { ReportsService } = (await importFile(files, 'reports.service.ts')) as {
      ReportsService: new () => { runs: number };
    };
    const replicas = [await replica(AppModule), await replica(AppModule)];

    expect(await post(`${replicas[0]!.url}/orders/17/payments`)).toBe(201);

    const runs = () => replicas.map(({ app }) => app.get(ReportsService).runs);
    await eventually(() => Math.max(...runs()) >= 2);
    expect(Math.min(...runs())).toBe(0);

    const other = await db.connect();
    await other.query('SELECT pg_advisory_lock($1)', [int8Of('order:17')]);
    const [paid, refused] = await Promise.all([
      post(`${replicas[1]!.url}/orders/18/payments`),
      post(`${replicas[1]!.url}/orders/17/payments`),
    ]);
    expect([paid, refused]).toEqual([201, 423]);
    await other.query('SELECT pg_advisory_unlock_all()');
  });
});

/** As docs/advisory-locks.md describes it. */
function int8Of(id: string): string {
  return String(createHash('sha256').update(id).digest().readBigInt64LE(0));
}

describe('files in the guides', () => {
  it('hold a job and a controller that an application boots with', async () => {
    const { InvoicesService } = await importFile(document('docs/jobs.md').blocks, 'invoices.service.ts');
    const { OrdersController } = await importFile(
      document('docs/handlers.md').blocks,
      'orders.controller.ts',
    );
    const { ScheduleModule } = await import('@nestjs/schedule');
    const app = await Test.createTestingModule({
      imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: db.url })],
      providers: [InvoicesService as never],
      controllers: [OrdersController as never],
    }).compile();
    await app.init();
    db.defer(() => app.close());
    const job = app.get<{ sent: number }>(InvoicesService as never);
    await eventually(() => job.sent > 0);
  });
});

describe('the recipes for leaders and permits', () => {
  const { blocks: recipes } = document('docs/leadership.md');

  /** Two replicas that run a recipe; what is given is set on each before it begins. */
  async function replicasOf<Service extends object>(
    file: string,
    name: string,
    given: Partial<Service> = {},
  ): Promise<Service[]> {
    const provider = (await importFile(recipes, file))[name] as new (...args: never[]) => Service;
    const replicas: Service[] = [];
    for (let count = 0; count < 2; count++) {
      const app = await Test.createTestingModule({
        imports: [PgLockModule.forRoot({ connection: db.url })],
        providers: [provider],
      }).compile();
      db.defer(() => app.close());
      replicas.push(Object.assign(app.get<Service>(provider), given));
      await app.init();
    }
    return replicas;
  }

  const valueOf = async (sql: string) =>
    Number((await db.admin.query<{ value: string }>(`SELECT ${sql} AS value`)).rows[0]?.value);

  it('a poller writes its term beside what it changes, and nothing under an older one', async () => {
    await replicasOf('poller.service.ts', 'PollerService');
    await eventually(async () => (await valueOf('(SELECT term FROM cursors)')) > 0);
    await db.admin.query('UPDATE cursors SET position = 0, term = 9000000000000000000');
    await delay(1_500);
    expect(await valueOf('(SELECT position FROM cursors)')).toBe(0);
  });

  it('a LISTEN consumer hears each event once in the fleet, and listens again after a lost connection', async () => {
    process.env['DATABASE_URL'] = db.url;
    db.defer(() => delete process.env['DATABASE_URL']);
    const replicas = await replicasOf<{ received: string[] }>('events.service.ts', 'EventsService');
    const received = () => replicas.flatMap((replica) => replica.received);
    const listening = `(SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN events' AND datname = current_database())`;
    await eventually(async () => (await valueOf(listening)) === 1);
    await db.admin.query("NOTIFY events, 'first'");
    await eventually(() => received().length > 0);
    await db.admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN events' AND datname = current_database()",
    );
    await eventually(async () => {
      await db.admin.query("NOTIFY events, 'second'");
      return received().includes('second');
    });
    expect(received().filter((event) => event === 'first')).toHaveLength(1);
  });

  it('a rate-limited API is called by one replica, which takes the work of all', async () => {
    const replicas = await replicasOf<{ called: string[]; paceMs: number }>(
      'geocoder.service.ts',
      'GeocoderService',
      { paceMs: 5 },
    );
    await db.admin.query(
      "INSERT INTO addresses (address) SELECT 'street ' || n FROM generate_series(1, 20) n",
    );
    await eventually(() => replicas.some(({ called }) => called.length === 20));
    expect(replicas.map(({ called }) => called.length).sort()).toEqual([0, 20]);
  });

  it('a pool of GPUs gives three devices to as many works of the fleet', async () => {
    type Render = (device: number) => Promise<number>;
    const replicas = await replicasOf<{ render(work: Render): Promise<number> }>(
      'gpu.service.ts',
      'GpuService',
    );
    const busy = new Set<number>();
    const work = async (device: number) => {
      expect(busy).not.toContain(device);
      busy.add(device);
      await delay(20);
      busy.delete(device);
      return device;
    };
    const works = Array.from({ length: 12 }, (_, index) => replicas[index % 2]!.render(work));
    expect(new Set(await Promise.all(works))).toEqual(new Set([0, 1, 2]));
  });
});
