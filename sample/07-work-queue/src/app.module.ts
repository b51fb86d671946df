import { Module } from '@nestjs/common';
import { PgLockModule } from 'nestjs-pglock';
import { Tasks } from './tasks.js';
import { Worker } from './worker.js';

const connection = process.env['DATABASE_URL'];

@Module({
  imports: [PgLockModule.forRoot(connection === undefined ? {} : { connection })],
  providers: [Tasks, Worker],
})
export class AppModule {}
