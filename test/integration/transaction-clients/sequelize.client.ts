import { DataTypes, Sequelize, type Options } from 'sequelize';
import type { ClientUnderTest } from './client-under-test.js';

function client(name: string, options: Options): ClientUnderTest {
  return {
    name,
    async open(url) {
      const sequelize = new Sequelize(url, { logging: false, ...options });
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
}

export const sequelizeClient = client('Sequelize', {});
export const sequelizeRetrying = client('Sequelize with retry, plain and fieldMap', {
  retry: { match: [/./], max: 3 },
  query: { plain: true, fieldMap: { pglock: 'somethingElse', pid: 'process' } },
});
