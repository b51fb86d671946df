import type { Client } from 'pg';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import type { Connector } from '../../../lib/session/connector.js';
import { openLockSession } from '../../../lib/session/open-lock-session.js';
import { FakeClient, serverError } from '../../support/fake-client.js';

const FACTS = {
  pid: '7',
  version: '180000',
  versionText: 'PostgreSQL 18',
  recovery: 'f',
  lockTimeout: '0',
  deadlockTimeout: '1000',
  lockTable: '6400',
  uptimeMs: '1',
};

/** A server that fails one statement of a session that is being opened. */
function failing(
  nth: number,
  error: Error,
): { readonly connector: Connector; readonly ended: () => boolean } {
  const fake = new FakeClient(true);
  let count = 0;
  const query = () => (++count === nth ? Promise.reject(error) : Promise.resolve({ rows: [FACTS] }));
  const client = Object.assign(fake, { query }) as unknown as Client;
  return { connector: { connect: () => Promise.resolve(client) }, ended: () => fake.calls.includes('end') };
}

describe('a lock session that is being opened', () => {
  const open = (connector: Connector) =>
    openLockSession(connector, resolveOptions().sessions, new AbortController().signal);

  it.each([1, 2, 3])('asks again where another session cancels its statement %d', async (nth) => {
    const { connector, ended } = failing(nth, serverError('57014'));
    await expect(open(connector)).resolves.toMatchObject({ isOpen: true });
    expect(ended()).toBe(false);
  });

  it('is closed where the server refuses it', async () => {
    const { connector, ended } = failing(3, serverError('57P01'));
    await expect(open(connector)).rejects.toMatchObject({ code: '57P01' });
    expect(ended()).toBe(true);
  });
});
