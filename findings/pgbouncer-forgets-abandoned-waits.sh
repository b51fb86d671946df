#!/usr/bin/env bash
# PgBouncer 1.18 (Debian 12) before PostgreSQL 18.4: a client that disconnects while its statement waits for a lock gives its place in the pool back, and PgBouncer opens another
# connection for the next one. The backend notices nothing and goes on waiting: behind a pool of two, ten clients that gave up leave ten backends, of which
# SHOW POOLS knows none. With client_connection_check_interval (14 and later, off by default) the server ends them.
# Needs Debian's pgbouncer.
source "$(dirname "$0")/support.sh"
pgbouncer_module
packages pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import pgbouncer from './pgbouncer.mjs';

const bouncer = await pgbouncer({ default_pool_size: 2 });
const connect = async (connectionString) => {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};
const console_ = new URL(bouncer.url);
console_.pathname = 'pgbouncer';
const [admin, operator] = [await connect(process.env.DATABASE_URL), await connect(console_.href)];
await admin.query('SELECT pg_advisory_lock(7)');
const waiters = `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`;
async function servers() {
  const pool = (await operator.query('SHOW POOLS')).rows.find(({ database }) => database === 'postgres');
  return Object.entries(pool).reduce((sum, [name, value]) => (name.startsWith('sv_') ? sum + Number(value) : sum), 0);
}
async function abandon(clients) {
  for (let n = 0; n < clients; n++) {
    const before = new Set((await admin.query(waiters)).rows.map(({ pid }) => pid));
    const client = await connect(bouncer.url);
    client.query('SELECT pg_advisory_xact_lock(7)').catch(() => undefined);
    while (!(await admin.query(waiters)).rows.some(({ pid }) => !before.has(pid))) await pause(20);
    client.connection.stream.destroy();
    while ((await servers()) > 0) await pause(20);
  }
}
await abandon(10);
console.log(`by default: ${(await admin.query(waiters)).rowCount} backends wait, ${await servers()} in SHOW POOLS`);
await admin.query(`SELECT pg_terminate_backend(pid) FROM (${waiters}) AS waiter`);

await admin.query(`ALTER SYSTEM SET client_connection_check_interval = '100ms'`);
await admin.query('SELECT pg_reload_conf()');
while ((await admin.query('SHOW client_connection_check_interval')).rows[0].client_connection_check_interval !== '100ms') await pause(20);
await abandon(10);
for (let tries = 0; tries < 500 && (await admin.query(waiters)).rowCount > 0; tries++) await pause(20);
console.log(`with client_connection_check_interval: ${(await admin.query(waiters)).rowCount} backends wait`);
await Promise.all([admin.end(), operator.end()]);
await bouncer.stop();
JS
with_postgres finding.mjs >seen
expect 'by default: 10 backends wait, 0 in SHOW POOLS
with client_connection_check_interval: 0 backends wait' seen
