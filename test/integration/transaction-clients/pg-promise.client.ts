import pgPromise from 'pg-promise';
import { heldOpen, type ClientUnderTest } from './client-under-test.js';
import { reshaped } from './plugins.js';

function client(name: string, options: pgPromise.IInitOptions): ClientUnderTest {
  return {
    name,
    async open(url) {
      const pgp = pgPromise({ noWarnings: true, ...options });
      const db = pgp(url);
      return {
        root: db,
        models: [],
        begin: () => heldOpen<object>((work) => db.tx(work)),
        close: () => db.$pool.end(),
      };
    },
  };
}

export const pgPromiseClient = client('pg-promise', {});
export const pgPromiseReceiving = client('pg-promise with receive', {
  receive: ({ data, result }) => {
    const rows = reshaped(data) as unknown[];
    data.splice(0, data.length, ...(rows as object[]));
    if (result) result.rows = data;
  },
});
