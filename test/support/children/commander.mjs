// An application of nest-commander, which Jest cannot load: a command under a lock, and whether another session sees it held.
import 'reflect-metadata';
import { send } from '../child-process.mjs';
import { Module, UseInterceptors } from '@nestjs/common';
import nestCommander from 'nest-commander';

const { AdvisoryLock, PgLockModule, PgLockService } = await import('../../../dist/index.js');
const { Command, CommandFactory, CommandRunner } = nestCommander;

let service;
class Rebuild extends CommandRunner {
  async run(args) {
    const found = await service.locks.find({ ids: ['commander:rebuild'] });
    send('ran', { args, granted: found.filter(({ granted }) => granted).length });
  }
}
Command({ name: 'rebuild', options: { isDefault: true } })(Rebuild);
UseInterceptors(AdvisoryLock('commander:rebuild'))(
  Rebuild.prototype,
  'run',
  Object.getOwnPropertyDescriptor(Rebuild.prototype, 'run'),
);

class AppModule {}
Module({
  imports: [PgLockModule.forRoot({ connection: process.env.PGLOCK_URL })],
  providers: [Rebuild],
})(AppModule);

process.argv = [process.argv[0], process.argv[1], 'reports'];
const app = await CommandFactory.createWithoutRunning(AppModule, { logger: ['error'] });
service = app.get(PgLockService);
await CommandFactory.runApplication(app);
await app.close();
send('done');
process.disconnect();
