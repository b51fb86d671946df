import {
  Catch,
  Controller,
  Get,
  Module,
  Sse,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type INestApplication,
} from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost, NestFactory } from '@nestjs/core';
import { of } from 'rxjs';
import {
  advisoryKey,
  AdvisoryLock,
  AdvisoryLockGuard,
  LockedException,
  LockNotAvailableError,
  PgLockModule,
  WithAdvisoryLock,
} from '../../lib/index.js';
import { eventually, useDatabase } from '../support/database.js';

const ONCE = { timeout: 0 } as const;

@Controller()
class Orders {
  @Get('interceptor')
  @UseInterceptors(AdvisoryLock('billing', ONCE))
  intercepted(): string {
    return 'ran';
  }

  @Get('several')
  @UseInterceptors(AdvisoryLock(['billing', 'orders'], ONCE))
  several(): string {
    return 'ran';
  }

  @Get('transaction')
  @UseInterceptors(AdvisoryLock(['orders', 'billing'], { ...ONCE, xact: true }))
  transaction(): string {
    return 'ran';
  }

  @Get('guard')
  @UseGuards(AdvisoryLockGuard('billing'))
  guarded(): string {
    return 'ran';
  }

  @Get('method')
  @WithAdvisoryLock('billing', ONCE)
  async method(): Promise<string> {
    return Promise.resolve('ran');
  }

  @Sse('stream')
  @UseInterceptors(AdvisoryLock('billing', ONCE))
  stream() {
    return of({ data: 'ran' });
  }
}

describe('the refusal of a handler', () => {
  const db = useDatabase();
  const refusals: unknown[] = [];
  let app: INestApplication;

  @Catch(LockedException)
  class Refusals extends BaseExceptionFilter {
    override catch(exception: LockedException, host: ArgumentsHost): void {
      refusals.push(exception.cause);
      super.catch(exception, host);
    }
  }

  beforeEach(async () => {
    refusals.length = 0;
    @Module({ imports: [PgLockModule.forRoot({ connection: db.url })], controllers: [Orders] })
    class App {}
    app = await NestFactory.create(App, { logger: false });
    app.useGlobalFilters(new Refusals(app.get(HttpAdapterHost).httpAdapter));
    await app.listen(0, '127.0.0.1');
    db.defer(() => app.close());
  });

  it.each(['interceptor', 'several', 'transaction', 'guard', 'method', 'stream'])(
    'names who holds the lock to filters and logs, and not to the client: %s',
    async (path) => {
      const holder = await db.connect({ application_name: 'night job' });
      const { classId, objId } = advisoryKey('billing');
      await holder.query('SELECT pg_advisory_lock(($1::int8 << 32) | $2::int8)', [classId, objId]);
      const error = await eventually(async () => {
        const answer = await fetch(`${await app.getUrl()}/${path}`);
        expect(answer.status).toBe(423);
        expect(answer.headers.get('retry-after')).toBe('1');
        expect(await answer.text()).not.toMatch(/night job|Held by/);
        const refusal = refusals.at(-1) as LockNotAvailableError;
        expect(refusal).toBeInstanceOf(LockNotAvailableError);
        // It is told where it can be told in time: the machine may be busy.
        return refusal.holder === undefined ? undefined : refusal;
      });
      expect(error.holder).toEqual({
        ...{ pid: db.pidOf(holder), applicationName: 'night job', clientAddress: '127.0.0.1' },
      });
      await holder.end();
    },
  );
});
