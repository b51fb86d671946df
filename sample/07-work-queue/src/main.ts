import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { Worker } from './worker.js';

const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
const done = await app.get(Worker).run();
console.log(`Nothing left to do; this worker did ${done} tasks.`);
await app.close();
