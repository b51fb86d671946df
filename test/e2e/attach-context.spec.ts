import { Controller, Get, Injectable, UseInterceptors, type INestApplication } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Interval, ScheduleModule } from '@nestjs/schedule';
import { Test } from '@nestjs/testing';
import { AttachContext, PgLockModule, PgLockService } from '../../lib/index.js';
import { eventually, useDatabase } from '../support/database.js';

const db = useDatabase();

@Injectable()
class Names {
  readonly ofJobs: unknown[] = [];

  constructor(private readonly pglock: PgLockService) {}

  async current(): Promise<unknown> {
    const sql = "SELECT current_setting('application_name') AS name";
    return (await this.pglock.pool.query<{ name: string }>(sql)).rows[0]?.name;
  }

  @Interval(30)
  @UseInterceptors(AttachContext())
  async nightly() {
    this.ofJobs.push(await this.current());
  }
}

@Controller('orders')
class OrdersController {
  constructor(private readonly names: Names) {}

  @Get(':id/lines')
  lines() {
    return this.names.current();
  }
}

describe.each([
  ['Express', () => new ExpressAdapter()],
  ['Fastify', () => new FastifyAdapter()],
])('AttachContext on %s', (_, adapter) => {
  it('names sessions after the route, and those of a job after the job', async () => {
    const module = await Test.createTestingModule({
      imports: [ScheduleModule.forRoot(), PgLockModule.forRoot({ connection: db.url })],
      controllers: [OrdersController],
      providers: [Names, { provide: APP_INTERCEPTOR, useClass: AttachContext() }],
    }).compile();
    const app: INestApplication = module.createNestApplication(adapter() as ExpressAdapter);
    db.defer(() => app.close());
    await app.listen(0, '127.0.0.1');
    const response = await fetch(`${await app.getUrl()}/orders/7/lines`, {
      headers: { connection: 'close' },
    });
    expect(await response.text()).toBe(';route=GET /orders/:id/lines');
    const names = app.get(Names);
    await eventually(() => names.ofJobs.length > 0);
    expect(names.ofJobs[0]).toBe(';job=Names.nightly');
  });
});
