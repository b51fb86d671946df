import { Module } from '@nestjs/common';
import { PgLockModule } from 'nestjs-pglock';
import { dataSourceProvider } from './data-source.provider.js';
import { DataSourceLifecycle } from './data-source.lifecycle.js';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';

const connection = process.env['DATABASE_URL'];

@Module({
  imports: [PgLockModule.forRoot(connection === undefined ? {} : { connection })],
  controllers: [OrdersController],
  providers: [dataSourceProvider, DataSourceLifecycle, OrdersService],
})
export class AppModule {}
