// A small application for bundlers: a job with a default id, and what became of its boot.
import 'reflect-metadata';
import { Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { AdvisoryLock, PgLockModule, PgLockService } from 'nestjs-pglock';

class InvoicesService {
  run() {}
}
const decorate = (...decorators) => {
  for (const decorator of decorators)
    decorator(
      InvoicesService.prototype,
      'run',
      Object.getOwnPropertyDescriptor(InvoicesService.prototype, 'run'),
    );
};
decorate(Cron('0 0 1 1 *'), UseInterceptors(AdvisoryLock()));

class AppModule {}
Module({
  imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: process.env.PGLOCK_URL })],
  providers: [InvoicesService],
})(AppModule);

try {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  const held = await app.get(PgLockService).advisory('bundled', (lock) => lock.held);
  await app.close();
  console.log(`booted, held ${held}`);
} catch (error) {
  console.log(`refused: ${error.message}`);
}
