import { createRequire } from 'node:module';
import type pg from 'pg';
import type { ClientUnderTest } from './client-under-test.js';
import { on } from './pg.client.js';

const require = createRequire(import.meta.url);

/** `pg-native` is compiled against libpq, which not every machine has: `npm install --no-save pg-native`. */
export const nativePg: typeof pg | undefined = found();

export const pgNativeClient: ClientUnderTest = {
  name: 'pg-native',
  open: async (url) => on(new nativePg!.Pool({ connectionString: url })),
};

function found(): typeof pg | undefined {
  try {
    require.resolve('pg-native');
    return (require('pg') as { native: typeof pg }).native;
  } catch {
    return undefined;
  }
}
