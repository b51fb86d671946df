import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { PgLockModule } from 'nestjs-pglock';
import { PgLockDashboardModule } from 'nestjs-pglock/dashboard';
import { InvoicesService } from './invoices.service.js';
import { MigrationService } from './migration.service.js';
import { ShopService } from './shop.service.js';

const connection = process.env['DATABASE_URL'];

@Module({
  imports: [
    ScheduleModule.forRoot(),
    PgLockModule.forRoot(connection === undefined ? {} : { connection }),
    PgLockDashboardModule.forRoot({
      // A sample on loopback; an application asks who it is: `request.user?.admin && request.user.email`.
      authorize: () => 'a visitor of the sample',
      allowSignals: true,
      history: '1h',
    }),
  ],
  providers: [ShopService, MigrationService, InvoicesService],
})
export class AppModule {}
