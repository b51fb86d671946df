import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from './application.mjs';
import { freePort } from '../../test/support/postgres/free-port.mjs';

const pg = createRequire(join(ROOT, 'package.json'))('pg');

const children = new Set();
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** What README promises, each tried as its reader would. */
export const PROMISES = [
  ['a job runs once on three replicas', jobOnce],
  ['a busy endpoint is 423, and another order is not', busyEndpoint],
  ['payments of one order, in transactions of TypeORM, go one after the other', lockPerOrder('typeorm')],
  ['payments of one order, in transactions of Drizzle, go one after the other', lockPerOrder('drizzle')],
  ['payments of one order, in transactions of Prisma, go one after the other', lockPerOrder('prisma')],
  ['a migration gets through', unblockedMigration],
  ['a unit test needs no database', unitTest],
];

/** Three ticks that follow each other, each on one of them, once. */
async function jobOnce({ directory, url }) {
  const replicas = await Promise.all([1, 2, 3].map(() => listen(directory, url)));
  const ticksOf = ({ output }) => [...output.matchAll(/tick (\S+)/g)].map(([, tick]) => Date.parse(tick));
  const seen = () => replicas.flatMap(ticksOf).sort();
  for (const until = Date.now() + 30_000; seen().length < 3 && Date.now() < until;) await sleep(50);
  await sleep(300); // for another replica that would run the last of them
  const ticks = seen();
  const output = (await Promise.all(replicas.map((replica) => replica.stop()))).join('\n');
  assert.ok(ticks.length >= 3, output);
  assert.equal(new Set(ticks).size, ticks.length, `a tick ran twice: ${output}`);
}

async function busyEndpoint({ directory, url }) {
  const holder = await connected(url);
  const replica = await listen(directory, url);
  const pay = (order) => fetch(`${replica.address}/orders/${order}/payments`, { method: 'POST' });
  await holder.query('SELECT pg_advisory_lock($1)', [await keyOf(directory, 'order:7')]);
  const [busy, other] = await Promise.all([pay(7), pay(8)]);
  await holder.end();
  await replica.stop();
  assert.deepEqual([busy.status, other.status], [423, 201]);
  assert.ok(busy.headers.get('retry-after'));
  assert.equal(await other.text(), 'paid 8');
}

function lockPerOrder(orm) {
  return async ({ directory, url }) => {
    await run(directory, url, `dist/pay-${orm}.js`);
    const client = await connected(url);
    const { rows } = await client.query(`SELECT id, payments FROM ${orm}_orders`);
    await client.end();
    assert.deepEqual(rows, [{ id: 7, payments: 20 }]);
  };
}

/** A session has left a transaction open that reads the table. */
async function unblockedMigration({ directory, url }) {
  const idle = await connected(url);
  await idle.query('BEGIN; SELECT * FROM typeorm_orders');
  await run(directory, url, 'dist/migrate.js');
  const client = await connected(url);
  const { rows } = await client.query('SELECT note FROM typeorm_orders');
  await client.end();
  assert.equal(rows.length, 1);
  await assert.rejects(idle.query('COMMIT'));
}

async function unitTest({ directory, kind }) {
  const runner = {
    module: ['--test', 'dist/billing.test.js'],
    commonjs: [join(ROOT, 'node_modules/jest/bin/jest.js'), '--ci', '--config', 'jest.config.json'],
  };
  await run(directory, undefined, ...runner[kind]);
}

/** One replica of the quick start, once it answers. */
async function listen(directory, url) {
  const port = await freePort();
  const child = start(directory, url, ['dist/main.js'], { PORT: String(port) });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const ended = once(child, 'close');
  const address = `http://127.0.0.1:${port}`;
  while (
    !(await fetch(address).then(
      () => true,
      () => false,
    ))
  ) {
    assert.equal(child.exitCode, null, output);
    await sleep(50);
  }
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    return output;
  };
  return {
    address,
    stop,
    get output() {
      return output;
    },
  };
}

/** Runs a program of the application to its end. */
async function run(directory, url, ...args) {
  const child = start(directory, url, args);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  assert.equal(code, 0, output);
  return output;
}

function start(directory, url, args, more = {}) {
  const { DATABASE_URL: _, NODE_OPTIONS: __, ...env } = process.env;
  const given = url === undefined ? {} : { DATABASE_URL: url };
  const child = spawn(process.execPath, args, { cwd: directory, env: { ...env, ...given, ...more } });
  children.add(child);
  child.once('close', () => children.delete(child));
  return child;
}

/** The key of an id, as the installed library computes it. */
async function keyOf(directory, id) {
  const script = `const { advisoryKey } = await import('nestjs-pglock');
    const { classId, objId } = advisoryKey('${id}');
    console.log(String(BigInt.asIntN(64, (BigInt(classId) << 32n) | BigInt(objId))));`;
  return (await run(directory, undefined, '--input-type=module', '-e', script)).trim();
}

async function connected(url) {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
