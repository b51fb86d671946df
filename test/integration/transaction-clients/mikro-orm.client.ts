import { EntitySchema, MikroORM, type EntityManager, type Options } from '@mikro-orm/postgresql';
import { PostgresDialect } from 'kysely';
import { heldOpen, type ClientUnderTest, type OpenClient, type SharingClient } from './client-under-test.js';

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

async function opened(options: Options): Promise<OpenClient> {
  const orm = await MikroORM.init({ ...options, entities: [InvoiceSchema] });
  return {
    root: orm.em.fork(),
    models: [Invoice, InvoiceSchema],
    begin: () => heldOpen<EntityManager>((work) => orm.em.fork().transactional(work)),
    close: () => orm.close(),
  };
}

export const mikroOrmClient: ClientUnderTest = {
  name: 'MikroORM',
  open: (url) => opened({ clientUrl: url, dbName: new URL(url).pathname.slice(1) }),
};
export const mikroOrmSharing: SharingClient = {
  name: 'MikroORM',
  open: ({ pool }) => opened({ dbName: 'is that of the pool', driverOptions: new PostgresDialect({ pool }) }),
};
