import { Module } from '@nestjs/common';
import { PgLockModule } from 'nestjs-pglock';
import { MaintenanceController } from './maintenance.controller.js';
import { OrdersController } from './orders.controller.js';

const connection = process.env['DATABASE_URL'];

@Module({
  imports: [PgLockModule.forRoot(connection === undefined ? {} : { connection })],
  controllers: [OrdersController, MaintenanceController],
})
export class AppModule {}
