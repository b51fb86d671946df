import { Verrou } from '@verrou/core';
import { knexStore } from '@verrou/core/drivers/knex';
import knex from 'knex';

/** A row for each lock, through knex with its default pool of 10. */
export async function open({ url }) {
  const connection = knex({ client: 'pg', connection: url, pool: { min: 0, max: 10 } });
  const store = knexStore({ connection, tableName: 'verrou' });
  const verrou = new Verrou({ default: 'knex', stores: { knex: { driver: store } } });
  // The table is made by the first lock; made by a hundred at once it fails.
  await verrou.createLock('warm up').run(async () => undefined);
  return {
    run: (id, work) => verrou.createLock(id).run(work),
    close: () => connection.destroy(),
  };
}
