import type { FactoryProvider } from '@nestjs/common';
import { PgLockService } from 'nestjs-pglock';
import { DataSource } from 'typeorm';
import { Order } from './order.entity.js';

/** TypeORM on the pool of PgLockModule: one pool for the whole application, and `pglock.timeout` holds in TypeORM too. */
export const dataSourceProvider: FactoryProvider<DataSource> = {
  provide: DataSource,
  inject: [PgLockService],
  useFactory: (pglock: PgLockService) =>
    new DataSource({
      type: 'postgres',
      driver: pglock.pgDriver,
      entities: [Order],
      synchronize: true,
    }).initialize(),
};
