// An application of nest-commander, which Jest cannot load: a command under a lock, and whether another session sees it held.
import 'reflect-metadata';
import { send } from '../child-process.mjs';
import { Module, UseInterceptors } from '@nestjs/common';
import { decorate } from './queue-support.mjs';
import nestCommander from 'nest-commander';

const { AdvisoryLock, PgLockModule, PgLockService, WithAdvisoryLock } =
  await import('../../../dist/esm/index.js');
const { Command, CommandFactory, CommandRunner } = nestCommander;

let service;
const granted = async (id) => {
  const found = await service.locks.find({ ids: [id] });
  return found.filter((lock) => lock.granted).length;
};

class Rebuild extends CommandRunner {
  async run(args) {
    send('ran', { args, granted: await granted('commander:rebuild') });
  }
}
decorate(Rebuild, 'run', [UseInterceptors(AdvisoryLock('commander:rebuild'))]);
Command({ name: 'rebuild', options: { isDefault: true } })(Rebuild);

class Decorated extends CommandRunner {
  async run(args) {
    send('decorated', { args, granted: await granted('commander:decorated') });
  }
}
decorate(Decorated, 'run', [WithAdvisoryLock('commander:decorated')]);
Command({ name: 'decorated', options: { isDefault: true } })(Decorated);

async function run(command) {
  class AppModule {}
  Module({
    imports: [PgLockModule.forRoot({ connection: process.env.PGLOCK_URL })],
    providers: [command],
  })(AppModule);
  const app = await CommandFactory.createWithoutRunning(AppModule, { logger: ['error'] });
  service = app.get(PgLockService);
  await CommandFactory.runApplication(app);
  await app.close();
}

process.argv = [process.argv[0], process.argv[1], 'reports'];
await run(Rebuild);
await run(Decorated);
send('done');
process.disconnect();
