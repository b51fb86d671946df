import { Module } from '@nestjs/common';
import { PgLockModule } from 'nestjs-pglock';
import { MigrationService } from './migration.service.js';

const connection = process.env['DATABASE_URL'];

@Module({
  imports: [PgLockModule.forRoot(connection === undefined ? {} : { connection })],
  providers: [MigrationService],
})
export class AppModule {}
