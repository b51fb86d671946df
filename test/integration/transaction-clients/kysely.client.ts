import { CamelCasePlugin, Kysely, PostgresDialect, type KyselyPlugin, type Transaction } from 'kysely';
import pg from 'pg';
import { heldOpen, type ClientUnderTest, type OpenClient, type SharingClient } from './client-under-test.js';
import { ODD_PARSERS, reshaped } from './plugins.js';

const RESHAPING: KyselyPlugin = {
  transformQuery: ({ node }) => node,
  transformResult: async ({ result }) => ({ ...result, rows: reshaped(result.rows) as never }),
};

function connect(url: string, plugins: KyselyPlugin[], types?: pg.CustomTypesConfig): Kysely<unknown> {
  const pool = new pg.Pool({ connectionString: url, ...(types && { types }) });
  return new Kysely({ dialect: new PostgresDialect({ pool }), plugins });
}

function opened(db: Kysely<unknown>): OpenClient {
  return {
    root: db,
    models: [],
    begin: () => heldOpen<Transaction<unknown>>((work) => db.transaction().execute(work)),
    close: () => db.destroy(),
  };
}

function kysely(name: string, make: (url: string) => Kysely<unknown>): ClientUnderTest {
  return { name, open: async (url) => opened(make(url)) };
}

export const kyselyClient = kysely('Kysely', (url) => connect(url, [new CamelCasePlugin()]));
export const kyselyReshaped = kysely('Kysely with plugins', (url) =>
  connect(url, [new CamelCasePlugin(), RESHAPING]),
);
export const kyselyParsing = kysely('Kysely with type parsers', (url) => connect(url, [], ODD_PARSERS));

export const kyselySharing: SharingClient = {
  name: 'Kysely',
  open: ({ pool }) => opened(new Kysely({ dialect: new PostgresDialect({ pool }), plugins: [RESHAPING] })),
};

export const kyselyControlled: ClientUnderTest = {
  name: 'Kysely ControlledTransaction',
  async open(url) {
    const db = connect(url, [new CamelCasePlugin({ upperCase: true })]);
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
