import { createRequire } from 'node:module';
import type pg from 'pg';
import type { ClientUnderTest } from './client-under-test.js';

const require = createRequire(import.meta.url);

/** `pg-native` is compiled against libpq, which not every machine has: `npm install --no-save pg-native`. */
export const nativePg: typeof pg | undefined = found();

export const pgNativeClient: ClientUnderTest = {
  name: 'pg-native',
  async open(url) {
    const pool = new nativePg!.Pool({ connectionString: url });
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
  },
};

function found(): typeof pg | undefined {
  try {
    require.resolve('pg-native');
    return (require('pg') as { native: typeof pg }).native;
  } catch {
    return undefined;
  }
}
