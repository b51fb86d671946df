#!/usr/bin/env bash
# postgres 3.4.9 (postgres.js): an error that is caught inside of sql.begin still ends the whole transaction, also where the server has
# already been told ROLLBACK TO SAVEPOINT by a statement: the promise of begin rejects with the caught error and nothing is written.
# In sql.savepoint the same error is forgiven.
source "$(dirname "$0")/support.sh"
packages postgres@3.4.9 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import postgres from 'postgres';
const sql = postgres(process.env.DATABASE_URL, { onnotice: () => undefined });
await sql`CREATE TABLE kept (n int)`;
const told = (text) => console.log(text);

await sql
  .begin(async (tx) => {
    await tx`INSERT INTO kept VALUES (1)`;
    await tx`SAVEPOINT mine`;
    await tx`SELECT 1 / 0`.catch((error) => told(`caught ${error.code}`));
    await tx`ROLLBACK TO SAVEPOINT mine`;
    await tx`INSERT INTO kept VALUES (2)`;
  })
  .then(
    () => told('by hand: committed'),
    (error) => told(`by hand: rejected with ${error.code}`),
  );
await sql
  .begin(async (tx) => {
    await tx`INSERT INTO kept VALUES (3)`;
    await tx.savepoint((inner) => inner`SELECT 1 / 0`).catch((error) => told(`caught ${error.code}`));
  })
  .then(
    () => told('sql.savepoint: committed'),
    (error) => told(`sql.savepoint: rejected with ${error.code}`),
  );
told(`rows: ${(await sql`SELECT n FROM kept ORDER BY n`).map(({ n }) => n)}`);
await sql.end();
JS
with_postgres finding.mjs >seen
expect 'caught 22012
by hand: rejected with 22012
caught 22012
sql.savepoint: committed
rows: 3' seen
