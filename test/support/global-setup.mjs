import { buildIfStale } from '../../scripts/build-if-stale.mjs';
import { startPostgres } from './postgres/start-postgres.mjs';

/** One server for the whole run; the workers inherit its address. */
export default async function globalSetup() {
  buildIfStale();
  const server = await startPostgres();
  globalThis.__pglockPostgres = server;
  process.env.PGLOCK_TEST_URL = server.url;
}
