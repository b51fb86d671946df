import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, useDatabase } from '../support/database.js';
import { holders, holdOutside, untilFree, untilHeld } from './support/holder.js';
import { buildSamples, replicaOf, startSample, type Replica } from './support/sample.js';

const db = useDatabase();
const SAMPLES = [
  '05-fastify-sse',
  '06-graphql',
  '07-work-queue',
  '08-maintenance',
  '09-two-databases',
  '10-dashboard',
];

beforeAll(() => buildSamples(SAMPLES));

const env = () => ({ DATABASE_URL: db.url });

/** Started for one test, and stopped after it, as its platform would. */
async function start(name: string, given: Readonly<Record<string, string>> = {}): Promise<Replica> {
  const replica = await replicaOf(name, { ...env(), ...given });
  db.defer(async () => {
    const { output } = await replica.stop();
    expect(output).toMatch(/^Listening on \S+\n$/);
  });
  return replica;
}

/** What a request was answered. */
async function ask(url: string, init?: RequestInit) {
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, retryAfter: response.headers.get('retry-after'), text };
}

describe('sample 05, a long job with progress on Fastify', () => {
  it('streams the progress, refuses a second build, and lets go when the client is gone', async () => {
    const { address } = await start('05-fastify-sse', { STEP: '1' });
    const streaming = ask(`${address}/reports/sales`);
    await untilHeld(db, 'report:sales');
    expect(await ask(`${address}/reports/sales`)).toMatchObject({
      status: 423,
      retryAfter: expect.any(String) as string,
    });
    const { text } = await streaming;
    const percents = [...text.matchAll(/data: (.*)/g)].map(
      ([, data = '{}']) => (JSON.parse(data) as { percent: number }).percent,
    );
    expect(percents).toEqual([20, 40, 60, 80, 100]);
    await untilFree(db, 'report:sales');
  });

  it('lets go when the client is gone', async () => {
    const { address } = await start('05-fastify-sse', { STEP: '6' });
    const client = new AbortController();
    const leaving = fetch(`${address}/reports/stock`, { signal: client.signal }).then((one) => one.text());
    await untilHeld(db, 'report:stock');
    client.abort();
    await expect(leaving).rejects.toThrow('abort');
    const leftAt = performance.now();
    await untilFree(db, 'report:stock');
    expect(performance.now() - leftAt).toBeLessThan(25_000); // all of it would take 30 s
  });
});

describe('sample 10, the dashboard', () => {
  it('shows the console that is forgotten, with the migration and the shop behind it', async () => {
    const given = { ...env(), MIGRATION_EVERY: '1000', FORGOTTEN_FOR: '4000' };
    const { address, stop } = await replicaOf('10-dashboard', given);
    db.defer(stop);
    expect((await ask(`${address}/pglock/`)).text).toContain('<title>pglock</title>');
    await eventually(async () => {
      const { text } = await ask(`${address}/pglock/api/now`);
      const [root] = (
        JSON.parse(text) as { items: { holdsUp: { count: number }; activity: { query: string } }[] }
      ).items;
      return root !== undefined && root.holdsUp.count > 1 && root.activity.query.includes('shop_orders');
    });
  });
});

describe('sample 06, a locked mutation', () => {
  it('locks by the argument, and tells of contention in the extensions', async () => {
    const { address } = await start('06-graphql');
    const count = (product: string) =>
      ask(`${address}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: `mutation { count(product: "${product}", seconds: 0) }` }),
      });
    const lamp = await holdOutside(db, 'product:lamp');
    const [refused, other] = await Promise.all([count('lamp'), count('chair')]);
    expect(JSON.parse(refused.text)).toMatchObject({ errors: [{ extensions: { code: '55P03' } }] });
    expect(JSON.parse(other.text)).toEqual({ data: { count: 'chair counted' } });
    await lamp.release();
    expect(JSON.parse((await count('lamp')).text)).toEqual({ data: { count: 'lamp counted' } });
  });
});

describe('sample 07, a work queue', () => {
  it("does each customer's tasks in order and once, on two workers, one of which is killed", async () => {
    const left = await holdOutside(db, 'customer:cid'); // to the worker that stays
    const [doomed, worker] = [startSample('07-work-queue', env()), startSample('07-work-queue', env())];
    await eventually(
      async () => (await holders(db, 'customer:ann')) + (await holders(db, 'customer:bob')) > 0,
    );
    await sleep(150);
    doomed.child.kill('SIGKILL');
    await left.release();
    const [{ code, output }] = await Promise.all([worker.ended, doomed.ended]);
    expect(output).toMatch(/^(\w+: \w+\n)+Nothing left to do; this worker did \d+ tasks\.\n$/);
    expect(code).toBe(0);
    const { rows } = await db.admin.query<{ customer: string; titles: string }>(
      `SELECT customer, string_agg(title, ' ' ORDER BY done_at) AS titles, count(DISTINCT done_at) AS n
       FROM tasks GROUP BY customer ORDER BY customer`,
    );
    expect(rows).toEqual(
      ['ann', 'bob', 'cid'].map((customer) => ({ customer, titles: 'order pack ship bill', n: '4' })),
    );
  });
});

describe('sample 08, maintenance', () => {
  it('keeps requests out on every replica until it is over', async () => {
    const [one, other] = await Promise.all([start('08-maintenance'), start('08-maintenance')]);
    const orders = () => ask(`${other.address}/orders`);
    expect(await orders()).toMatchObject({ status: 200, text: '["first","second"]' });
    const working = ask(`${one.address}/maintenance?seconds=5`, { method: 'POST' });
    await untilHeld(db, 'maintenance');
    expect(await orders()).toMatchObject({ status: 423, retryAfter: expect.any(String) as string });
    expect(await ask(`${other.address}/maintenance?seconds=0`, { method: 'POST' })).toMatchObject({
      status: 423,
    });
    expect(await working).toMatchObject({ status: 201, text: '{"done":true}' });
    await untilFree(db, 'maintenance');
    expect(await orders()).toMatchObject({ status: 200 });
  });
});

describe('sample 09, two databases', () => {
  const reporting = () => `${db.name}_reporting`;

  beforeAll(() => db.admin.query(`CREATE DATABASE ${reporting()}`));
  afterAll(() => db.admin.query(`DROP DATABASE ${reporting()} WITH (FORCE)`));

  it('locks in each, and one id in one of them is free in the other', async () => {
    const url = new URL(db.url);
    url.pathname = reporting();
    const { address } = await start('09-two-databases', { REPORTING_DATABASE_URL: url.href });
    const { text } = await ask(`${address}/statistics`, { method: 'POST' });
    expect(JSON.parse(text)).toEqual({ from: db.name, to: reporting() });
    expect((await ask(`${address}/same-id`)).text).toBe('{"held":true,"shop":"free"}');
  });
});
