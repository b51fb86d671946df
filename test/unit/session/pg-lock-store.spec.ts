import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import type { Connector } from '../../../lib/session/connector.js';
import { PgLockStore } from '../../../lib/session/pg-lock-store.js';
import { lockKey } from '../../../lib/vocabulary/lock-id.js';

const WAIT = {
  deadline: () => null,
  holds: () => [],
  onDeadlock: () => undefined,
  onWaiting: () => () => undefined,
};

describe('a store that is closed', () => {
  /** Connects never, and to nothing. */
  const connector: Connector = { connect: () => new Promise(() => undefined) };

  it('refuses whatever it is asked, and says so only later', async () => {
    const store = new PgLockStore(connector, resolveOptions().sessions, () => undefined);
    await store.close();
    let told: unknown;
    const trier = { onAcquired: () => undefined, onUnavailable: () => undefined };
    store.tryLock(lockKey('a'), false, { ...trier, onError: (error) => (told = error) });
    expect(told).toBeUndefined();
    await Promise.resolve();
    expect(told).toBeInstanceOf(PgLockUsageError);
    await expect(store.wait(lockKey('a'), false, WAIT).outcome).rejects.toThrow('shut down');
  });
});
