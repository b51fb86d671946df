#!/usr/bin/env bash
# PostgreSQL 13.23 and 18.4: what ALTER TABLE locks on tables that it does not name. DETACH PARTITION of a table that others reference takes
# ACCESS EXCLUSIVE on the referencing table (the manual says SHARE); dropping a foreign key takes it on the referenced table, where
# adding one takes SHARE ROW EXCLUSIVE; VALIDATE CONSTRAINT of a domain takes SHARE on each table with a column of it, so that NOT VALID
# and VALIDATE do not keep writers going.
source "$(dirname "$0")/support.sh"

cat >"$folder/finding.mjs" <<'JS'
import pg from 'pg';
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
const version = (await client.query('SHOW server_version')).rows[0].server_version;
await client.query(`
  CREATE TABLE customer (id int PRIMARY KEY);
  CREATE TABLE invoice (id int PRIMARY KEY, customer int CONSTRAINT of_customer REFERENCES customer);
  CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
  CREATE TABLE part PARTITION OF parted FOR VALUES FROM (0) TO (10);
  CREATE TABLE referring (id int PRIMARY KEY, parted int REFERENCES parted);
  CREATE DOMAIN price AS int;
  CREATE TABLE item (id int PRIMARY KEY, price price);
  ALTER DOMAIN price ADD CONSTRAINT positive CHECK (VALUE > 0) NOT VALID`);
const strongest = `SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND granted AND relation = $1::regclass
  ORDER BY array_position(ARRAY['AccessExclusiveLock','ExclusiveLock','ShareRowExclusiveLock','ShareLock'], mode) LIMIT 1`;
async function look(statement, table) {
  await client.query('BEGIN');
  await client.query(statement);
  const { rows } = await client.query(strongest, [table]);
  await client.query('ROLLBACK');
  console.log(`${version.split('.')[0]}: ${statement}: ${rows[0]?.mode ?? 'nothing'} on ${table}`);
}
await look('ALTER TABLE parted DETACH PARTITION part', 'referring');
await look('ALTER TABLE invoice DROP CONSTRAINT of_customer', 'customer');
await look('ALTER TABLE invoice ADD FOREIGN KEY (id) REFERENCES customer NOT VALID', 'customer');
await look('ALTER DOMAIN price VALIDATE CONSTRAINT positive', 'item');
await client.end();
JS
for server in 13.23.0-beta.16 18.4.0-beta.17; do
  packages pg@8.23.1 "embedded-postgres@$server"
  with_postgres finding.mjs
done >"$folder/seen"
of() {
  printf '%s\n' "$1: ALTER TABLE parted DETACH PARTITION part: AccessExclusiveLock on referring" \
    "$1: ALTER TABLE invoice DROP CONSTRAINT of_customer: AccessExclusiveLock on customer" \
    "$1: ALTER TABLE invoice ADD FOREIGN KEY (id) REFERENCES customer NOT VALID: ShareRowExclusiveLock on customer" \
    "$1: ALTER DOMAIN price VALIDATE CONSTRAINT positive: ShareLock on item"
}
expect "$(of 13)
$(of 18)" "$folder/seen"
