import pg from 'pg';
import { keyOf } from './raw.mjs';

/** What one writes by hand: a pool of 10, a connection for as long as its lock is waited for and held. */
export async function open({ url }) {
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  const keys = new Map();
  return {
    async run(id, work) {
      let key = keys.get(id);
      if (key === undefined) keys.set(id, (key = keyOf(id)));
      const client = await pool.connect();
      try {
        await client.query('SELECT pg_advisory_lock($1)', [key]);
        try {
          await work();
        } finally {
          await client.query('SELECT pg_advisory_unlock($1)', [key]);
        }
      } finally {
        client.release();
      }
    },
    close: () => pool.end(),
  };
}
