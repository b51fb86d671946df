import pg from 'pg';
import type { ClientUnderTest } from './client-under-test.js';

export const pgClient: ClientUnderTest = {
  name: 'pg',
  async open(url) {
    const pool = new pg.Pool({ connectionString: url });
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
