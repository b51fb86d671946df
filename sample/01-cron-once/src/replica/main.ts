import './clock.js';
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { noteArrival } from './arrival.js';

// A job of every second cannot be caught up for longer than a lease, which the module warns of; no replica is stopped here.
const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['error'] });
app.enableShutdownHooks();
app.use(noteArrival);
await app.listen(0, '127.0.0.1');

const { port } = app.getHttpServer().address() as { port: number };
process.send?.({ type: 'ready', port });
// The conductor is gone, in whatever way: nothing is left to stop this process.
process.on('disconnect', () => process.exit());
