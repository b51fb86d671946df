import { UseGuards, UseInterceptors, type ExecutionContext } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import {
  AdvisoryLock,
  AdvisoryLockGuard,
  CurrentLock,
  InjectPgLock,
  LockTimeout,
  PgLockModule,
  PgLockService,
  Prioritize,
  WithAdvisoryLock,
  WithLockTimeout,
  WithPrioritize,
  type LockHandle,
  type PgLockModuleOptions,
  type PgLockOptionsFactory,
} from '../../lib/index.js';
import { holdLock, loseLock, MemoryLockTable, PgLockTestingModule } from '../../lib/testing/index.js';

const orderId = (context: ExecutionContext) => `order:${context.getClass().name}`;

export class Orders {
  constructor(@InjectPgLock('reporting') readonly pglock: PgLockService) {}

  @Cron('0 2 * * *')
  @UseInterceptors(AdvisoryLock())
  async nightly(): Promise<void> {}

  @UseInterceptors(AdvisoryLock(orderId, { timeout: 0 }), LockTimeout('1s'), Prioritize({ interval: '1s' }))
  @UseGuards(AdvisoryLockGuard('maintenance'))
  async close(@CurrentLock() _lock: LockHandle): Promise<void> {}

  @WithAdvisoryLock((id: number) => `order:${id}`, { timeout: '2s' })
  @WithLockTimeout(null, { connection: 'reporting' })
  @WithPrioritize()
  async pay(_id: number): Promise<number> {
    return Promise.resolve(1);
  }

  // @ts-expect-error the method would return a promise after all
  @WithAdvisoryLock('x')
  now(): number {
    return 1;
  }
}

// @ts-expect-error a handler's caller stops the wait by leaving
AdvisoryLock('x', { signal: AbortSignal.timeout(5) });
// @ts-expect-error a transaction is no matter of a decorator
WithAdvisoryLock('x', { transaction: {} });

class Factory implements PgLockOptionsFactory {
  createPgLockOptions(): PgLockModuleOptions {
    return { connection: { host: 'localhost' }, sessions: { max: 4, lease: '5s' } };
  }
}

PgLockModule.forRoot();
PgLockModule.forRoot({ name: 'reporting', connection: 'postgres://localhost/db', httpStatus: 409 });
PgLockModule.forRootAsync({ name: 'reporting', useClass: Factory });
PgLockModule.forRootAsync({
  inject: [Factory],
  useFactory: (factory: Factory) => factory.createPgLockOptions(),
});
// @ts-expect-error it is called namespace
PgLockModule.forRoot({ nameSpace: 'x' });
// @ts-expect-error it is called max
PgLockModule.forRoot({ sessions: { maximum: 4 } });

PgLockTestingModule.forRoot({ namespace: 'app:', table: new MemoryLockTable() });
loseLock('x');
export async function held(): Promise<void> {
  using _ = holdLock('x', { shared: true });
  await using _also = holdLock(['a', [1, 2]]);
  const release: () => void = holdLock('x');
  release();
}
