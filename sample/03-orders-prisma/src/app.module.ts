import { Module } from '@nestjs/common';
import { PgLockModule } from 'nestjs-pglock';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';
import { PrismaService } from './prisma.service.js';

const connection = process.env['DATABASE_URL'];

@Module({
  imports: [PgLockModule.forRoot(connection === undefined ? {} : { connection })],
  controllers: [OrdersController],
  providers: [PrismaService, OrdersService],
})
export class AppModule {}
