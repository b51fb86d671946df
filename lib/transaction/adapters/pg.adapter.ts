import { asPgClient, isOpenOnPg, queryPg, type PgClient } from '../pg-client.js';
import type { DetectingTransactionAdapter } from '../transaction-adapter.js';

interface Emitter extends PgClient {
  off?(event: string, listener: () => void): unknown;
}

/**
 * `pg`: a `Client` or `PoolClient` between `BEGIN` and `COMMIT`, of `pg-native` too. Statements have no name, so that none is
 * prepared.
 *
 * @see https://node-postgres.com/features/transactions
 * @internal
 */
export const pgAdapter: DetectingTransactionAdapter<PgClient> = {
  name: 'pg',
  hooks: 'a replacement of `query`',
  passesUnknownTypes: true,
  /** What stands for it, as a proxy for the clients of many flows does: the one that is no longer listened to gives itself back. */
  resolve(client) {
    const self: unknown = (client as Emitter).off?.('nestjs-pglock', ignore);
    return asPgClient(self) ?? client;
  },
  detects: (value) => 'totalCount' in value || asPgClient(value) !== undefined,
  isDirect: (client) => client.native === undefined,
  run: queryPg,
  isOpen: (client) => ('totalCount' in client ? false : isOpenOnPg(client)),
  pgClientOf: (client) => client,
};

function ignore(): void {}
