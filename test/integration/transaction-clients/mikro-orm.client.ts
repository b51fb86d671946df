import { EntitySchema, MikroORM, type EntityManager } from '@mikro-orm/postgresql';
import { heldOpen, type ClientUnderTest } from './client-under-test.js';

class Invoice {
  id!: number;
  status!: string;
}

const InvoiceSchema = new EntitySchema({
  class: Invoice,
  schema: 'billing',
  tableName: 'invoices',
  properties: { id: { type: 'integer', primary: true }, status: { type: 'text' } },
});

export const mikroOrmClient: ClientUnderTest = {
  name: 'MikroORM',
  async open(url) {
    const orm = await MikroORM.init({
      clientUrl: url,
      dbName: new URL(url).pathname.slice(1),
      entities: [InvoiceSchema],
    });
    return {
      root: orm.em.fork(),
      models: [Invoice, InvoiceSchema],
      begin: () => heldOpen<EntityManager>((work) => orm.em.fork().transactional(work)),
      close: () => orm.close(),
    };
  },
};
