import { Column, DataSource, Entity, EntitySchema, PrimaryColumn, type EntityManager } from 'typeorm';
import { heldOpen, type ClientUnderTest } from './client-under-test.js';

@Entity({ schema: 'billing', name: 'invoices' })
class Invoice {
  @PrimaryColumn('int')
  id!: number;

  @Column('text')
  status!: string;
}

const InvoiceSchema = new EntitySchema<{ id: number }>({
  name: 'InvoiceBySchema',
  schema: 'billing',
  tableName: 'invoices',
  columns: { id: { type: 'int', primary: true } },
});

function dataSource(url: string): Promise<DataSource> {
  return new DataSource({ type: 'postgres', url, entities: [Invoice, InvoiceSchema] }).initialize();
}

export const typeOrmManager: ClientUnderTest = {
  name: 'TypeORM EntityManager',
  async open(url) {
    const source = await dataSource(url);
    return {
      root: source.manager,
      models: [Invoice, InvoiceSchema],
      begin: () => heldOpen<EntityManager>((work) => source.transaction(work)),
      close: () => source.destroy(),
    };
  },
};

export const typeOrmQueryRunner: ClientUnderTest = {
  name: 'TypeORM QueryRunner',
  async open(url) {
    const source = await dataSource(url);
    return {
      root: source,
      models: [Invoice],
      async begin() {
        const runner = source.createQueryRunner();
        await runner.startTransaction();
        return {
          tx: runner,
          commit: () => runner.commitTransaction().finally(() => runner.release()),
          rollback: () => runner.rollbackTransaction().finally(() => runner.release()),
        };
      },
      close: () => source.destroy(),
    };
  },
};
