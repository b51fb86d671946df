import { once, type EventEmitter } from 'node:events';
import http2 from 'node:http2';
import { Controller, Get, Res, UseInterceptors } from '@nestjs/common';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { AdvisoryLock, PgLockModule } from '../../lib/index.js';
import { eventually, useDatabase } from '../support/database.js';
import { holdOutside, untilFree, untilHeld } from './support/holder.js';

const database = useDatabase();
let ran = 0;

interface RawReply {
  readonly raw: EventEmitter & { writeHead(status: number): void; write(text: string): void };
}

@Controller()
class Handlers {
  @Get('waits')
  @UseInterceptors(AdvisoryLock('waits'))
  waits(): string {
    ran += 1;
    return 'done';
  }

  /** Has begun its answer when its client leaves, and returns afterwards. */
  @Get('writes')
  @UseInterceptors(AdvisoryLock('writes'))
  async writes(@Res() { raw }: RawReply): Promise<void> {
    raw.writeHead(200);
    raw.write('first');
    await once(raw, 'close');
  }
}

async function served(): Promise<string> {
  const imports = [PgLockModule.forRoot({ connection: database.url })];
  const module = await Test.createTestingModule({ imports, controllers: [Handlers] }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter({ http2: true }));
  app.useLogger(false);
  await app.listen(0, '127.0.0.1');
  database.defer(() => app.close());
  return app.getUrl();
}

function requested(url: string, path: string) {
  const session = http2.connect(url);
  database.defer(() => session.destroy());
  const request = session.request({ ':path': path });
  request.on('error', () => undefined).resume();
  const status = new Promise((resolve) => request.on('response', (head) => resolve(head[':status'])));
  return {
    status,
    cancel: () => request.close(http2.constants.NGHTTP2_CANCEL),
    leave: () => session.destroy(),
  };
}

describe.each(['cancel', 'leave'] as const)('when the client of an HTTP/2 request goes (%s)', (how) => {
  it('it stops waiting for the lock, and never runs the handler', async () => {
    const url = await served();
    ran = 0;
    const other = await holdOutside(database, 'waits');
    const client = requested(url, '/waits');
    await database.waitForWaiter();
    client[how]();
    await eventually(async () =>
      (await database.sessions()).every(({ blockedBy }) => blockedBy.length === 0),
    );
    await other.release();
    await expect(requested(url, '/waits').status).resolves.toBe(200);
    expect(ran).toBe(1);
  });

  it('the lock of an answer that it began is released when the handler returns', async () => {
    const url = await served();
    const client = requested(url, '/writes');
    await client.status;
    await untilHeld(database, 'writes');
    client[how]();
    await untilFree(database, 'writes');
  });
});
