import { lockKey } from '../../lib/vocabulary/lock-id.js';
import { spawnChild } from '../support/child.js';
import { useDatabase } from '../support/database.js';
import { holders } from './support/holder.js';
import { get } from './support/platforms.js';

const REPLICA = new URL('../support/children/replica.mjs', import.meta.url);

describe('G14: SIGTERM', () => {
  const db = useDatabase();
  const replica = (env = {}) => spawnChild(REPLICA, { env: { REPLICA_DATABASE: db.url, ...env } });

  it('lets the job finish under its lock; the next one gets it then, not when the process has ended', async () => {
    const first = replica({ REPLICA_LINGERS: '1' });
    await first.next('running');
    const next = await db.connect();
    const had = next.query('SELECT pg_catalog.pg_advisory_lock($1)', [lockKey('g14').int8]);
    await db.waitForWaiter(db.pidOf(next));

    first.signal('SIGTERM');
    // The signal was handled once a second replica, started after it, has found the lock taken and gone again.
    const second = replica();
    await second.next('listening');
    await second.kill('SIGTERM');
    expect(await holders(db, 'g14')).toBe(1);
    expect(first.output).toBe('');

    first.send('finish');
    await first.next('finished');
    await had;
    first.send('end');
    expect(await first.exit).toEqual({ code: null, signal: 'SIGTERM' });
    await next.end();
  });

  it('hands the job to the next replica', async () => {
    const first = replica();
    await first.next('running');
    const second = replica();
    await second.next('listening');
    first.signal('SIGTERM');
    await first.next('stopping');
    first.send('finish');
    await first.next('finished');
    await second.next('running');
    second.signal('SIGTERM');
    await second.next('stopping');
    second.send('finish');
    await Promise.all([first.exit, second.exit]);
  });

  it('ends endless events, so that the process can end', async () => {
    const first = replica();
    const { port } = await first.next('listening');
    await first.next('running');
    const client = get(`http://127.0.0.1:${String(port)}/events`);
    expect(await client.firstBytes).toContain('first');
    first.signal('SIGTERM');
    await first.next('stopping');
    first.send('finish');
    await client.closed;
    expect(await first.exit).toEqual({ code: null, signal: 'SIGTERM' });
    expect(await holders(db, 'g14:events')).toBe(0);
  });
});
