import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Controller, Get, UseInterceptors } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AdvisoryLock, PgLockModule } from '../../lib/index.js';
import { deferred, useDatabase } from '../support/database.js';
import { holders, untilFree } from './support/holder.js';
import { get, PLATFORMS, serve, type Server } from './support/platforms.js';

let gate = deferred();

@Controller()
class Bodies {
  @Get('twice')
  @UseInterceptors(AdvisoryLock('twice'), AdvisoryLock('twice:inner'))
  async *twice() {
    yield 'first';
    await gate.promise;
    yield 'last';
  }

  @Get('generator')
  @UseInterceptors(AdvisoryLock('generator'))
  async *generator() {
    yield 'first';
    await gate.promise;
    yield 'last';
  }

  @Get('web')
  @UseInterceptors(AdvisoryLock('web'))
  web() {
    return new ReadableStream({
      async start(controller) {
        controller.enqueue(new TextEncoder().encode('first'));
        await gate.promise;
        controller.close();
      },
    });
  }
}

/** What only Nest 12 sends as it is produced. */
describe.each(PLATFORMS)('streaming bodies on %s', (platform) => {
  const db = useDatabase({ mayStay: ({ applicationName }) => applicationName.startsWith('pglock:') });
  let server: Server;

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url })],
      controllers: [Bodies],
    }).compile();
    server = await serve(module, platform);
    db.defer(() => server.app.close());
  });
  beforeEach(() => (gate = deferred()));

  it.each(['generator', 'web', 'twice'])('puts few listeners on the response: %s', async (path) => {
    // Node warns of the eleventh; Fastify and Nest have eight of their own.
    const responses: ServerResponse[] = [];
    const note = (_request: IncomingMessage, response: ServerResponse) => void responses.push(response);
    server.app.getHttpServer().once('request', note);
    const client = get(`${server.url}/${path}`);
    expect(await client.firstBytes).toBe('first');
    expect(responses[0]?.listenerCount('close')).toBeLessThanOrEqual(EventEmitter.defaultMaxListeners);
    gate.resolve();
    await client.closed;
    await untilFree(db, path);
  });

  it.each(['generator', 'web'])('holds the lock until it is sent: %s', async (path) => {
    const client = get(`${server.url}/${path}`);
    expect(await client.firstBytes).toBe('first');
    expect(await holders(db, path)).toBe(1);
    gate.resolve();
    await client.closed;
    await untilFree(db, path);
  });

  it.each(['generator', 'web'])('lets go when the client leaves: %s', async (path) => {
    const client = get(`${server.url}/${path}`);
    await client.firstBytes;
    client.leave();
    await untilFree(db, path);
    gate.resolve();
  });
});
