import type { DynamicModule } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { Test, type TestingModule } from '@nestjs/testing';
import { PgLockModule, PgLockService } from '../../lib/index.js';
import { PgLockTestingModule } from '../../lib/testing/index.js';
import { useDatabase } from '../support/database.js';
import { CALLS } from '../support/parity/calls.mjs';
import { outcomeOf } from '../support/parity/outcome.js';

const database = useDatabase({ schema: 'CREATE TABLE users (id int)' });

const say = () => undefined;
const SILENT = { log: say, warn: say, error: say, debug: say, verbose: say };

type Phase = 'before the boot' | 'while the application runs' | 'after it was closed';

const inPhase: Readonly<Record<Phase, (module: TestingModule) => Promise<unknown>>> = {
  'before the boot': () => Promise.resolve(),
  'while the application runs': (module) => module.init(),
  'after it was closed': (module) => module.close(),
};

/** Every call, one after the other, in one application. */
async function outcomes(phase: Phase, pglock: DynamicModule): Promise<Record<string, unknown>> {
  const module = await Test.createTestingModule({ imports: [ScheduleModule.forRoot(), pglock] })
    .setLogger(SILENT)
    .compile();
  database.defer(() => module.close());
  await inPhase[phase](module);
  const service = module.get(PgLockService);
  const found: Record<string, unknown> = {};
  for (const [name, call] of Object.entries(CALLS)) found[name] = await outcomeOf(service, call);
  return found;
}

describe('the testing kit answers as the module on a server does', () => {
  const options = { advisory: { selfWait: '10s' } } as const;

  it.each(Object.keys(inPhase) as Phase[])('%s', async (phase) => {
    const real = await outcomes(phase, PgLockModule.forRoot({ connection: database.url, ...options }));
    const kit = await outcomes(phase, PgLockTestingModule.forRoot(options));
    expect(kit).toEqual(real);
    expect(Object.values(real)).not.toContainEqual({ result: 'it hangs' });
  });

  it.each([
    ['the module on a server', () => PgLockModule.forRoot({ connection: database.url })],
    ['the testing kit', () => PgLockTestingModule.forRoot()],
  ])('%s answers no question about jobs and leaders once it was closed', async (_name, pglock) => {
    const module = await Test.createTestingModule({
      imports: [ScheduleModule.forRoot(), pglock()],
    }).compile();
    await module.init();
    const { jobs, leaders } = module.get(PgLockService);
    jobs.wrap('own', () => 1);
    await module.close();
    const asked = [
      jobs.find(),
      jobs.run('own'),
      jobs.run('other'),
      jobs.release('own'),
      jobs.release('other'),
      leaders.find(),
    ];
    for (const one of asked)
      await expect(one).rejects.toMatchObject({
        name: 'PgLockUsageError',
        message: expect.stringMatching(/is shut down/) as unknown,
      });
  });
});
