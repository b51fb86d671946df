import { Module } from '@nestjs/common';
import { PgLockModule } from 'nestjs-pglock';
import { LocksController } from './locks.controller.js';
import { StatisticsService } from './statistics.service.js';

const settings = (connection: string | undefined) => (connection === undefined ? {} : { connection });

@Module({
  imports: [
    PgLockModule.forRoot(settings(process.env['DATABASE_URL'])),
    PgLockModule.forRoot({ name: 'reporting', ...settings(process.env['REPORTING_DATABASE_URL']) }),
  ],
  controllers: [LocksController],
  providers: [StatisticsService],
})
export class AppModule {}
