export default async function globalTeardown() {
  await globalThis.__pglockPostgres?.stop();
}
