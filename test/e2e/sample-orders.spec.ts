import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { advisoryKey } from '../../lib/vocabulary/lock-id.js';
import { deferred, useDatabase } from '../support/database.js';

const run = promisify(execFile);

/** As `npm start` in the sample's directory does, once it is built. */
async function start(sample: string, databaseUrl: string) {
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: sample,
    env: { ...process.env, DATABASE_URL: databaseUrl, PORT: '0' },
    stdio: 'pipe',
  });
  const listening = deferred<string>();
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const address = /Listening on (http:\S+)/.exec(output)?.[1];
      if (address !== undefined) listening.resolve(address);
    });
  const ended = once(child, 'close');
  void ended.then(() => listening.reject(new Error(`the sample ended:\n${output}`)));
  const address = await listening.promise;
  const stop = async () => {
    child.kill('SIGTERM');
    const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null];
    return { code, signal, output };
  };
  const post = async (path: string) => {
    const response = await fetch(`${address}/orders/${path}`, { method: 'POST' });
    return { status: response.status, body: await response.json() };
  };
  return { post, stop };
}

describe.each(['02-orders-typeorm', '03-orders-prisma'])('sample %s', (name) => {
  const database = useDatabase();
  const sample = fileURLToPath(new URL(`../../sample/${name}`, import.meta.url));

  beforeAll(() => run('npm', ['run', '--silent', 'build'], { cwd: sample }), 120_000);

  it('pays an order once on two replicas, waits for its lock in vain, and closes', async () => {
    const first = await start(sample, database.url);
    const second = await start(sample, database.url);
    const replicas = [first, second];

    const payments = await Promise.all(
      Array.from({ length: 16 }, (_, request) => replicas[request % 2]!.post('7/payments')),
    );
    const statuses = payments.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array.from({ length: 15 }, () => 409)]);
    expect(payments.find(({ status }) => status === 201)?.body).toEqual({ id: 7, status: 'paid' });

    const holder = await database.connect();
    const { classId, objId } = advisoryKey('order:8');
    const key = BigInt.asIntN(64, (BigInt(classId) << 32n) | BigInt(objId));
    await holder.query('SELECT pg_advisory_lock($1)', [String(key)]);
    await expect(first.post('8/payments')).resolves.toMatchObject({ status: 423 });
    await expect(second.post('9/payments')).resolves.toMatchObject({ status: 201 });
    await expect(first.post('closing')).resolves.toEqual({ status: 201, body: { paid: 2 } });

    for (const replica of replicas) expect((await replica.stop()).output).toMatch(/^Listening on \S+\n$/);
  }, 60_000);
});
