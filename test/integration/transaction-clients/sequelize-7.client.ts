import { DataTypes, Sequelize } from '@sequelize/core';
import { PostgresDialect } from '@sequelize/postgres';
import type { ClientUnderTest } from './client-under-test.js';

export const sequelize7Client: ClientUnderTest = {
  name: 'Sequelize 7',
  async open(url) {
    const sequelize = new Sequelize({ dialect: PostgresDialect, url, logging: false });
    const Invoice = sequelize.define(
      'Invoice',
      { id: { type: DataTypes.INTEGER, primaryKey: true } },
      { schema: 'billing', tableName: 'invoices' },
    );
    return {
      root: sequelize,
      models: [Invoice],
      async begin() {
        const tx = await sequelize.startUnmanagedTransaction();
        return { tx, commit: () => tx.commit(), rollback: () => tx.rollback() };
      },
      close: () => sequelize.close(),
    };
  },
};
