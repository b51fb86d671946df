// An application with nestjs-graphile-worker, which Jest cannot load: a task with an interceptor, and one with a decorator of ours.
import 'reflect-metadata';
import { send } from '../child-process.mjs';
import { Injectable, Module, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import graphile from 'nestjs-graphile-worker';
import worker from 'graphile-worker';
import { AdvisoryLock, PgLockModule, WithAdvisoryLock } from '../../../dist/esm/index.js';
import { decorate, Witness } from './queue-support.mjs';

const { GraphileWorkerModule, Task, TaskHandler, WorkerService } = graphile;
const connectionString = process.env.PGLOCK_URL;
const witness = new Witness();
await witness.client.connect();

const boot = (provider) => {
  class AppModule {}
  Module({
    imports: [
      GraphileWorkerModule.forRoot({ connectionString }),
      PgLockModule.forRoot({ connection: connectionString }),
    ],
    providers: [provider],
  })(AppModule);
  return NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
};

class Refused {
  run() {}
}
decorate(Refused, 'run', [TaskHandler(), UseInterceptors(AdvisoryLock('task'))]);
Task('refused')(Refused);
Injectable()(Refused);
const refusal = await boot(Refused).then(
  () => 'booted',
  (error) => `${error.name}: ${error.message}`,
);
send('refused', { refusal });

class Export {
  async run(payload) {
    await witness.look(`export:${payload.month}`);
  }
}
decorate(Export, 'run', [TaskHandler(), WithAdvisoryLock((payload) => `export:${payload.month}`)]);
Task('export')(Export);
Injectable()(Export);
const utils = await worker.makeWorkerUtils({ connectionString });
await utils.migrate();
await utils.addJob('export', { month: 'may' });
await utils.release();
const app = await boot(Export);
await app.get(WorkerService).runOnce();
await app.close();
send('ran', { seen: witness.seen });
await witness.client.end();
// Whatever the refused application has left open is no matter of ours.
process.exit(0);
