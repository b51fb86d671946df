#!/usr/bin/env bash
# typeorm 1.1.1, drizzle-orm 0.45.4, umzug 3.8.3: none takes a lock while it migrates. Two replicas that start together both read that
# the migration is due, both run its change of data, and both report success (TypeORM and Drizzle; each run is recorded as well).
# umzug's storage in a table with a primary key makes the second one fail, after its change of data was made twice.
# knex 3.3.0 beside them locks a row in the transaction of the migration: the second waits, and finds it done.
source "$(dirname "$0")/support.sh"
packages typeorm@1.1.1 drizzle-orm@0.45.4 umzug@3.8.3 knex@3.3.0 pg@8.23.1 reflect-metadata@0.2.2 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { mkdirSync, writeFileSync } from 'node:fs';
import { DataSource } from 'typeorm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { Umzug } from 'umzug';
import knex from 'knex';
import pg from 'pg';

const url = process.env.DATABASE_URL;
const admin = new pg.Pool({ connectionString: url });
const SQL = `UPDATE account SET credit = credit + 10 WHERE (SELECT pg_sleep(1)) IS NOT NULL`;

async function twice(tool, prepare, replica) {
  await admin.query('DROP TABLE IF EXISTS account; CREATE TABLE account (credit int); INSERT INTO account VALUES (0)');
  await prepare();
  const [a, b] = await Promise.allSettled([replica(), replica()]);
  const failed = [a, b].filter(({ status }) => status === 'rejected').length;
  const { rows } = await admin.query('SELECT credit FROM account');
  console.log(`${tool}: ${2 - failed} report success, ${rows[0].credit / 10} x applied`);
}

class AddCredit1700000000000 {
  name = 'AddCredit1700000000000';
  up = (runner) => runner.query(SQL);
  down = () => undefined;
}
const source = () => new DataSource({ type: 'postgres', url, migrations: [AddCredit1700000000000] });
await twice(
  'typeorm',
  async () => {
    // The table of migrations is there already, as it is with any but the first.
    const first = await source().initialize();
    await first.showMigrations();
    await first.destroy();
  },
  async () => {
    const replica = await source().initialize();
    try {
      await replica.runMigrations();
    } finally {
      await replica.destroy();
    }
  },
);

mkdirSync('drizzle/meta', { recursive: true });
writeFileSync('drizzle/0000_credit.sql', SQL);
const entry = { idx: 0, version: '7', when: 1_700_000_000_000, tag: '0000_credit', breakpoints: true };
writeFileSync('drizzle/meta/_journal.json', JSON.stringify({ version: '7', dialect: 'postgresql', entries: [entry] }));
mkdirSync('none/meta', { recursive: true });
writeFileSync('none/meta/_journal.json', JSON.stringify({ version: '7', dialect: 'postgresql', entries: [] }));
await twice(
  'drizzle-orm',
  () => migrate(drizzle(admin), { migrationsFolder: 'none' }),
  async () => {
    const pool = new pg.Pool({ connectionString: url });
    try {
      await migrate(drizzle(pool), { migrationsFolder: 'drizzle' });
    } finally {
      await pool.end();
    }
  },
);

await twice(
  'umzug',
  () => admin.query('CREATE TABLE done (name text PRIMARY KEY)'),
  () =>
    new Umzug({
      migrations: [{ name: 'credit', up: () => admin.query(SQL) }],
      storage: {
        executed: async () => (await admin.query('SELECT name FROM done')).rows.map(({ name }) => name),
        logMigration: ({ name }) => admin.query('INSERT INTO done VALUES ($1)', [name]),
        unlogMigration: () => undefined,
      },
      logger: undefined,
    }).up(),
);

const migrationSource = {
  getMigrations: async () => ['credit'],
  getMigrationName: (name) => name,
  getMigration: async () => ({ up: (trx) => trx.raw(SQL), down: () => undefined }),
};
const log = { warn() {}, error() {}, deprecate() {}, debug() {} };
const empty = { ...migrationSource, getMigrations: async () => [] };
await twice(
  'knex',
  async () => {
    const first = knex({ client: 'pg', connection: url, log });
    await first.migrate.latest({ migrationSource: empty });
    await first.destroy();
  },
  async () => {
    const replica = knex({ client: 'pg', connection: url, log });
    try {
      await replica.migrate.latest({ migrationSource });
    } finally {
      await replica.destroy();
    }
  },
);
await admin.end();
JS
with_postgres finding.mjs >seen
expect 'typeorm: 2 report success, 2 x applied
drizzle-orm: 2 report success, 2 x applied
umzug: 1 report success, 2 x applied
knex: 2 report success, 1 x applied' seen
