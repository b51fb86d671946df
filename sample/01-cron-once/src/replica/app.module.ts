import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { PgLockModule } from 'nestjs-pglock';
import { InvoicesService } from './invoices.service.js';
import { Ledger } from './ledger.js';
import { OrdersController } from './orders.controller.js';
import { Pulse } from './pulse.js';
import { UnlockedInvoicesService } from './unlocked-invoices.service.js';

const isLocked = process.env['WITHOUT_LOCK'] !== '1';

@Module({
  imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: process.env['DATABASE_URL']! })],
  controllers: [OrdersController],
  providers: [Ledger, Pulse, isLocked ? InvoicesService : UnlockedInvoicesService],
})
export class AppModule {}
