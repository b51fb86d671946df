#!/usr/bin/env bash
# @prisma/client 7.10.0 with @prisma/adapter-pg: the `timeout` of an interactive transaction does not end a statement that is running. With 500 ms and
# a table that is locked for longer, the promise of $transaction settles only after the statement has ended, with P2028, and the
# connection is taken until then.
source "$(dirname "$0")/support.sh"
packages prisma@7.10.1 @prisma/client@7.10.0 @prisma/adapter-pg@7.10.1 pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >schema.prisma <<'PRISMA'
generator client {
  provider            = "prisma-client-js"
  output              = "./generated"
}
datasource db {
  provider = "postgresql"
}
model Order {
  id Int @id
}
PRISMA
# No engine is needed to generate the client.
PRISMA_SCHEMA_ENGINE_BINARY=/bin/true CHECKPOINT_DISABLE=1 npx prisma generate --schema schema.prisma >/dev/null 2>&1

cat >finding.mjs <<'JS'
import pg from 'pg';
import { PrismaPg } from '@prisma/adapter-pg';
import { createRequire } from 'node:module';
const { PrismaClient } = createRequire(import.meta.url)('./generated');
const connectionString = process.env.DATABASE_URL;
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString }) });
const other = new pg.Client({ connectionString });
await other.connect();
await other.query('CREATE TABLE orders (id int)');
await other.query('BEGIN');
await other.query('LOCK TABLE orders');

let isFree = false;
const work = prisma
  .$transaction((tx) => tx.$executeRawUnsafe('LOCK TABLE orders'), { timeout: 500 })
  .then(
    () => 'committed',
    (error) => error.code,
  )
  .then((outcome) => console.log(`${outcome} ${isFree ? 'after' : 'before'} the lock was free`));
await new Promise((resolve) => setTimeout(resolve, 2_000));
isFree = true;
await other.query('COMMIT');
await work;
await other.end();
await prisma.$disconnect();
JS
with_postgres finding.mjs >seen
expect 'P2028 after the lock was free' seen
