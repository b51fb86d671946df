#!/usr/bin/env bash
# kysely 0.29.9: with `disableTransactions` the second replica waits for the migration lock in a statement, whose snapshot a CREATE INDEX
# CONCURRENTLY of the first one has to outlive. PostgreSQL ends the index as a deadlock once the waiter has passed its own check (1 s): it stays
# behind INVALID, and the second replica, which gets the lock then, fails on its name.
source "$(dirname "$0")/support.sh"
packages kysely@0.29.9 pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import pg from 'pg';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { Migrator } from 'kysely/migration';

const connectionString = process.env.DATABASE_URL;
const admin = new pg.Pool({ connectionString });
await admin.query('CREATE TABLE orders (id int)');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const waiting = `SELECT FROM pg_stat_activity WHERE wait_event = 'advisory' AND clock_timestamp() - query_start > '3s'`;

let built = false;
async function up(db) {
  // A build that has gone on for some seconds since the other replica came, as it does on a table of some size.
  for (let tries = 0; tries < 300; tries++) {
    const { rowCount } = await admin.query(waiting);
    if (rowCount > 0 || built) break;
    await pause(50);
  }
  built = true;
  await sql`CREATE INDEX CONCURRENTLY orders_id ON orders (id)`.execute(db);
}
const provider = { getMigrations: async () => ({ orders_id: { up } }) };
async function replica() {
  const db = new Kysely({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }) });
  const { error } = await new Migrator({ db, provider, disableTransactions: true }).migrateToLatest();
  await db.destroy();
  return error === undefined ? 'migrated' : error.message;
}
const outcomes = await Promise.all([replica(), replica()]);
for (const outcome of outcomes.sort()) console.log(`a replica: ${outcome}`);
const { rows } = await admin.query(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_id'::regclass`);
console.log(`the index is valid: ${rows[0].indisvalid}`);
await admin.end();
JS
with_postgres finding.mjs >seen
expect 'a replica: deadlock detected
a replica: relation "orders_id" already exists
the index is valid: false' seen
