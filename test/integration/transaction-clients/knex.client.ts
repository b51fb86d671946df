import knexFactory, { type Knex } from 'knex';
import type { ClientUnderTest } from './client-under-test.js';

const { knex } = knexFactory;

export const knexClient: ClientUnderTest = {
  name: 'Knex',
  async open(url) {
    const db: Knex = knex({ client: 'pg', connection: url });
    return {
      root: db,
      models: [],
      async begin() {
        const trx = await db.transaction();
        return {
          tx: trx,
          commit: () => trx.commit().then(() => undefined),
          rollback: () => trx.rollback().then(() => undefined),
        };
      },
      close: () => db.destroy(),
    };
  },
};
