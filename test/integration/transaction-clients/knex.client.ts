import knexFactory, { type Knex } from 'knex';
import { Model } from 'objection';
import type { ClientUnderTest, OpenClient, SharingClient } from './client-under-test.js';
import { reshaped } from './plugins.js';

const { knex } = knexFactory;

class Invoice extends Model {
  static override tableName = 'billing.invoices';
}

function opened(
  db: Knex,
  begin: () => Promise<Knex.Transaction>,
  models: readonly object[] = [],
): OpenClient {
  return {
    root: db,
    models,
    async begin() {
      const trx = await begin();
      return {
        tx: trx,
        commit: () => trx.commit().then(() => undefined),
        rollback: () => trx.rollback().then(() => undefined),
      };
    },
    close: () => db.destroy(),
  };
}

export const knexClient: ClientUnderTest = {
  name: 'Knex',
  async open(url) {
    const db = knex({ client: 'pg', connection: url });
    return opened(db, () => db.transaction());
  },
};

export const knexReshaped: ClientUnderTest = {
  name: 'Knex with postProcessResponse',
  async open(url) {
    const db = knex({ client: 'pg', connection: url, postProcessResponse: reshaped });
    return opened(db, () => db.transaction());
  },
};

export const knexSharing: SharingClient = {
  name: 'Knex with postProcessResponse',
  open({ pool }) {
    const db = knex({ client: 'pg', connectionPool: pool, postProcessResponse: reshaped });
    return opened(db, () => db.transaction());
  },
};

export const objectionClient: ClientUnderTest = {
  name: 'Objection',
  async open(url) {
    const db = knex({ client: 'pg', connection: url });
    return opened(db, () => Model.startTransaction(db), [Invoice]);
  },
};
