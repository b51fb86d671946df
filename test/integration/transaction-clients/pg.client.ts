import pg from 'pg';
import type { ClientUnderTest, OpenClient, SharingClient } from './client-under-test.js';
import { ODD_PARSERS, RAW_BYTES } from './plugins.js';

/** Transactions as one writes them by hand. */
export function on(pool: pg.Pool): OpenClient {
  return {
    root: pool,
    models: [],
    async begin() {
      const client = await pool.connect();
      await client.query('BEGIN');
      const end = async (how: string) => {
        await client.query(how);
        client.release();
      };
      return { tx: client, commit: () => end('COMMIT'), rollback: () => end('ROLLBACK') };
    },
    close: () => pool.end(),
  };
}

function client(name: string, open: (url: string) => pg.Pool): ClientUnderTest {
  return { name, open: async (url) => on(open(url)) };
}

export const pgSharing: SharingClient = { name: 'pg', open: ({ pool }) => on(pool) };

/** As an APM wraps it: with a callback of its own, and results of its own class. */
class WatchedClient extends pg.Client {
  override query(...args: never[]): never {
    const answer = (super.query as (...given: never[]) => object).apply(this, args);
    const traced = (result: object): object =>
      Object.assign(Object.create({ traced: true }) as object, result);
    return (answer instanceof Promise ? answer.then(traced) : answer) as never;
  }
}

export const pgClient = client('pg', (url) => new pg.Pool({ connectionString: url }));
export const pgParsing = client(
  'pg with type parsers',
  (url) => new pg.Pool({ connectionString: url, types: ODD_PARSERS }),
);
export const pgRaw = client(
  'pg with raw values',
  (url) => new pg.Pool({ connectionString: url, types: RAW_BYTES }),
);
export const pgWatched = client(
  'pg under an APM',
  (url) => new pg.Pool({ connectionString: url, Client: WatchedClient }),
);
