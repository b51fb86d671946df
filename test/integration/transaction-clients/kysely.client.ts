import { CamelCasePlugin, Kysely, PostgresDialect, type Transaction } from 'kysely';
import pg from 'pg';
import { heldOpen, type ClientUnderTest } from './client-under-test.js';

function connect(url: string): Kysely<unknown> {
  const dialect = new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) });
  return new Kysely({ dialect, plugins: [new CamelCasePlugin()] });
}

export const kyselyClient: ClientUnderTest = {
  name: 'Kysely',
  async open(url) {
    const db = connect(url);
    return {
      root: db,
      models: [],
      begin: () => heldOpen<Transaction<unknown>>((work) => db.transaction().execute(work)),
      close: () => db.destroy(),
    };
  },
};

export const kyselyControlled: ClientUnderTest = {
  name: 'Kysely ControlledTransaction',
  async open(url) {
    const db = connect(url);
    return {
      root: db,
      models: [],
      async begin() {
        const tx = await db.startTransaction().execute();
        return { tx, commit: () => tx.commit().execute(), rollback: () => tx.rollback().execute() };
      },
      close: () => db.destroy(),
    };
  },
};
