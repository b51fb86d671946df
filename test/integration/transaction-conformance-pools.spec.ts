import pg from 'pg';
import { openCore } from '../support/cores.js';
import { useDatabase } from '../support/database.js';
import { SHARING_CLIENTS } from './transaction-clients/all-clients.js';
import { SCHEMA } from './transaction-clients/client-under-test.js';
import { describeConformance } from './transaction-clients/conformance.js';
import { nativePg } from './transaction-clients/pg-native.client.js';
import { pgSharing } from './transaction-clients/pg.client.js';

/** The pools keep their sessions from test to test. */
const database = useDatabase({ schema: SCHEMA, mayStay: () => true });

function own() {
  return openCore(database).service;
}

function lent(driver = pg) {
  const pool = new driver.Pool({ connectionString: database.url });
  database.defer(() => pool.end());
  return openCore(database, { connection: undefined, pool }).service;
}

describe.each([
  ['own', own],
  ['lent', () => lent()],
] as const)('on the %s pool of the module', (_, openPool) => {
  describe.each(SHARING_CLIENTS)('in a transaction of $name', ({ open }) => {
    describeConformance(database, {
      async open() {
        const pglock = openPool();
        return { client: await open(pglock), pglock };
      },
    });
  });
});

if (nativePg !== undefined)
  describe('on a lent pool of pg-native', () => {
    describeConformance(database, {
      async open() {
        const pglock = lent(nativePg);
        return { client: await pgSharing.open(pglock), pglock };
      },
    });
  });
