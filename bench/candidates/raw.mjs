import { createHash } from 'node:crypto';
import pg from 'pg';

/** The reference: one connected client, a try and an unlock, one after the other. Wait for one before the next. */
export async function open({ url }) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const keys = new Map();
  return {
    async run(id, work) {
      let key = keys.get(id);
      if (key === undefined) keys.set(id, (key = keyOf(id)));
      const { rows } = await client.query('SELECT pg_try_advisory_lock($1) AS had', [key]);
      if (!rows[0].had) throw new Error('the lock is held by another session');
      await work();
      await client.query('SELECT pg_advisory_unlock($1)', [key]);
    },
    /** One statement of the cheapest kind: what a round trip costs. */
    roundTrip: () => client.query('SELECT'),
    close: () => client.end(),
  };
}

/** A name as PostgreSQL's key. */
export function keyOf(id) {
  return createHash('sha256').update(id).digest().readBigInt64LE(0).toString();
}
