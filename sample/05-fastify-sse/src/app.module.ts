import { Module } from '@nestjs/common';
import { PgLockModule } from 'nestjs-pglock';
import { ReportsController } from './reports.controller.js';
import { ReportsService } from './reports.service.js';

const connection = process.env['DATABASE_URL'];

@Module({
  imports: [PgLockModule.forRoot(connection === undefined ? {} : { connection })],
  controllers: [ReportsController],
  providers: [ReportsService],
})
export class AppModule {}
