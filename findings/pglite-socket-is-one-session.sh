#!/usr/bin/env bash
# @electric-sql/pglite-socket 0.2.17 with pglite 0.5.14: two clients of its server are told one and the same backend pid and share one
# session: both are granted one exclusive session-level advisory lock, and the second takes over a setting of the first.
source "$(dirname "$0")/support.sh"
packages @electric-sql/pglite@0.5.14 @electric-sql/pglite-socket@0.2.17 pg@8.23.1 --legacy-peer-deps

cat >finding.mjs <<'JS'
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import pg from 'pg';

const db = await PGlite.create();
const port = 20000 + (process.pid % 20000);
const server = new PGLiteSocketServer({ db, port, host: '127.0.0.1', maxConnections: 10 });
await server.start();
const connect = async () => {
  const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres', ssl: false });
  await client.connect();
  return client;
};
const [a, b] = [await connect(), await connect()];
const one = async (client, text) => Object.values((await client.query(text)).rows[0])[0];
console.log(`told pids: ${a.processID === b.processID ? 'the same' : 'different'}`);
const [pidA, pidB] = [await one(a, 'SELECT pg_backend_pid()'), await one(b, 'SELECT pg_backend_pid()')];
console.log(`backend pids: ${pidA === pidB ? 'the same' : 'different'}`);
console.log(`first client: exclusive lock ${await one(a, 'SELECT pg_try_advisory_lock(7)')}`);
console.log(`second client: exclusive lock ${await one(b, 'SELECT pg_try_advisory_lock(7)')}`);
await a.query("SET lock_timeout = '7s'");
console.log(`second client: lock_timeout ${await one(b, 'SHOW lock_timeout')}`);
await a.end();
await b.end();
await server.stop();
process.exit(0);
JS
node finding.mjs >seen
expect 'told pids: the same
backend pids: the same
first client: exclusive lock true
second client: exclusive lock true
second client: lock_timeout 7s' seen
