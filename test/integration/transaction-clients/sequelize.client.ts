import { DataTypes, Sequelize } from 'sequelize';
import type { ClientUnderTest } from './client-under-test.js';

export const sequelizeClient: ClientUnderTest = {
  name: 'Sequelize',
  async open(url) {
    const sequelize = new Sequelize(url, { logging: false });
    const Invoice = sequelize.define(
      'Invoice',
      { id: { type: DataTypes.INTEGER, primaryKey: true } },
      { schema: 'billing', tableName: 'invoices' },
    );
    return {
      root: sequelize,
      models: [Invoice],
      async begin() {
        const tx = await sequelize.transaction();
        return { tx, commit: () => tx.commit(), rollback: () => tx.rollback() };
      },
      close: () => sequelize.close(),
    };
  },
};
