import { setTimeout as delay } from 'node:timers/promises';
import { LockSessionError } from '../../../lib/errors/lock-session.error.js';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import type { Connector } from '../../../lib/session/connector.js';
import { ObserverSession } from '../../../lib/session/observer-session.js';
import { FaultyProxy } from '../../support/proxy.js';
import { connectorTo } from '../../../lib/session/connector.js';

/** What is never answered, and how often it was asked. */
function silence(): { readonly connector: Connector; readonly proxy: FaultyProxy } {
  const proxy = new FaultyProxy(() => 1);
  proxy.welcome = { kind: 'silent' };
  const connector: Connector = {
    connect: (purpose, signal) =>
      connectorTo({ host: '127.0.0.1', port: proxy.port, user: 'u', database: 'd' }).connect(purpose, signal),
  };
  return { connector, proxy };
}

describe('a connection that looks at locks, beside a server that does not answer', () => {
  const { connector, proxy } = silence();
  beforeAll(() => proxy.listen());
  afterAll(() => proxy.close());

  it('gives up all that was asked in one moment in one moment, where that has a limit', async () => {
    const session = new ObserverSession(connector, { purpose: 'transactions', answerWithinMs: 1_000 });
    const welcomed = proxy.welcomed;
    const asked = [1, 2, 3, 4].map(() => session.query({ text: 'SELECT 1' }));
    const answers = await Promise.allSettled(asked);
    for (const answer of answers)
      expect(answer).toMatchObject({ status: 'rejected', reason: expect.any(LockSessionError) as unknown });
    // One after the other, each would have connected for as long.
    expect(proxy.welcomed - welcomed).toBeLessThanOrEqual(1);
    await session.close();
  });

  it('closes while it connects, and what it was asked is over', async () => {
    const session = new ObserverSession(connector, { purpose: 'inspection' });
    const asked = session.query({ text: 'SELECT 1' });
    asked.catch(() => undefined);
    const welcomed = proxy.welcomed;
    while (proxy.welcomed === welcomed) await delay(5);
    await session.close();
    await expect(asked).rejects.toThrow(PgLockUsageError);
    await expect(session.query({ text: 'SELECT 1' })).rejects.toThrow('shut down');
  });
});
