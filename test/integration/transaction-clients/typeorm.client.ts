import { Column, DataSource, Entity, EntitySchema, PrimaryColumn, type EntityManager } from 'typeorm';
import { heldOpen, type ClientUnderTest, type OpenClient, type SharingClient } from './client-under-test.js';

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

const ENTITIES = [Invoice, InvoiceSchema];

function dataSource(url: string): Promise<DataSource> {
  return new DataSource({ type: 'postgres', url, entities: ENTITIES }).initialize();
}

function managed(source: DataSource): OpenClient {
  return {
    root: source.manager,
    models: ENTITIES,
    begin: () => heldOpen<EntityManager>((work) => source.transaction(work)),
    close: () => source.destroy(),
  };
}

export const typeOrmManager: ClientUnderTest = {
  name: 'TypeORM EntityManager',
  open: async (url) => managed(await dataSource(url)),
};
export const typeOrmSharing: SharingClient = {
  name: 'TypeORM',
  open: async ({ pgDriver: driver }) =>
    managed(await new DataSource({ type: 'postgres', driver, entities: ENTITIES }).initialize()),
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
