import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { forgottenConsole } from './forgotten-console.js';
import { MigrationService } from './migration.service.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error'] });
const migration = app.get(MigrationService);
const colleague = await forgottenConsole();

const inVain = migration.migrate().then(
  () => 'went through',
  (error: Error) => `failed: ${error.message}`,
);
await delay(500);
console.log(`Blocked by: ${await migration.blocker()}`);
console.log(`Without prioritize: ${await inVain}`);

const killed = await migration.migrateWithPriority();
console.log(`With prioritize: went through, ${killed.length} session terminated`);
console.log(`The forgotten console: ${(await colleague.isAlive()) ? 'still there' : 'gone'}`);

await colleague.end();
await app.close();
