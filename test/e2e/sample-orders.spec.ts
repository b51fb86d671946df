import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { advisoryKey } from '../../lib/vocabulary/lock-id.js';
import { inOneOf, useDatabase } from '../support/database.js';
import { replicaOf } from './support/sample.js';

const run = promisify(execFile);

async function start(name: string, databaseUrl: string) {
  const { address, stop } = await replicaOf(name, { DATABASE_URL: databaseUrl });
  const post = async (path: string) => {
    const response = await fetch(`${address}/orders/${path}`, { method: 'POST' });
    return { status: response.status, body: await response.json() };
  };
  return { post, stop };
}

describe.each(['02-orders-typeorm', '03-orders-prisma'])('sample %s', (name) => {
  const database = useDatabase();
  const sample = fileURLToPath(new URL(`../../sample/${name}`, import.meta.url));

  beforeAll(() => run('npm', ['run', '--silent', 'build'], { cwd: sample }));

  it('pays an order once on two replicas, waits for its lock in vain, and closes', async () => {
    const first = await start(name, database.url);
    const second = await start(name, database.url);
    const replicas = [first, second];

    // Each waits for two seconds at most, which a machine that stands still may take for those before it.
    let order = 100;
    let paid = 0;
    let twice = 0;
    await inOneOf(6, async () => {
      const id = ++order;
      const payments = await Promise.all(
        Array.from({ length: 16 }, (_, request) => replicas[request % 2]!.post(`${String(id)}/payments`)),
      );
      const statuses = payments.map(({ status }) => status).sort();
      const succeeded = payments.filter(({ status }) => status === 201);
      paid += succeeded.length;
      if (succeeded.length > 1) twice++;
      expect(statuses).toEqual([201, ...Array.from({ length: 15 }, () => 409)]);
      expect(succeeded[0]?.body).toEqual({ id, status: 'paid' });
    });
    expect(twice).toBe(0);

    const holder = await database.connect();
    const { classId, objId } = advisoryKey('order:8');
    const key = BigInt.asIntN(64, (BigInt(classId) << 32n) | BigInt(objId));
    await holder.query('SELECT pg_advisory_lock($1)', [String(key)]);
    await expect(first.post('8/payments')).resolves.toMatchObject({ status: 423 });
    await expect(second.post('9/payments')).resolves.toMatchObject({ status: 201 });
    await expect(first.post('closing')).resolves.toEqual({ status: 201, body: { paid: paid + 1 } });

    for (const replica of replicas) expect((await replica.stop()).output).toMatch(/^Listening on \S+\n$/);
  });
});
