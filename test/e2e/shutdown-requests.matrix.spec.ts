import http from 'node:http';
import { Controller, Get, Post, UseInterceptors } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AdvisoryLock, PgLockModule, PgLockService } from '../../lib/index.js';
import { RunRegistry } from '../../lib/nest/run-registry.js';
import { deferred, eventually } from '../support/waiting.js';
import { useDatabase } from '../support/database.js';
import { holdOutside } from './support/holder.js';
import { PLATFORMS, serve, type Platform, type Server } from './support/platforms.js';

describe.each(PLATFORMS)('requests and shutdown on %s', (platform) => {
  const db = useDatabase();
  let arrived = deferred();
  let gate = deferred();
  let server: Server | undefined;

  @Controller()
  class Orders {
    constructor(private readonly pglock: PgLockService) {}

    /** Asks for its lock when the gate is opened. */
    @Post('late')
    async late() {
      arrived.resolve();
      await gate.promise;
      return { result: await this.pglock.advisory('late', () => 'ran') };
    }

    @Get('now')
    now() {
      return this.pglock.advisory('now', () => 'ran');
    }

    @Get('decorated')
    @UseInterceptors(AdvisoryLock('decorated'))
    decorated() {
      return 'ran';
    }
  }

  async function start(on: Platform, timeout: '20s' | '300ms'): Promise<Server> {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url, shutdown: { timeout } })],
      controllers: [Orders],
    }).compile();
    arrived = deferred();
    gate = deferred();
    return (server = await serve(module, on));
  }

  afterEach(async () => {
    gate.resolve();
    await server?.app.close();
  });

  it('lets a request that was accepted before ask for its lock afterwards, and refuses a new one', async () => {
    const { app, url } = await start(platform, '20s');
    const late = ask(`${url}/late`, 'POST', '{}');
    await arrived.promise;
    const job = deferred();
    app.get(RunRegistry).addJob(job.promise); // keeps the server open
    const closing = app.close();
    await eventually(async () => (await ask(`${url}/now`)).status === 503);
    gate.resolve();
    expect(await late).toEqual({ status: 201, text: '{"result":"ran"}' });
    expect((await ask(`${url}/decorated`)).status).toBe(503);
    job.resolve();
    await closing;
  });

  it('lets a handler that waits for its lock have it, when that is released in time', async () => {
    const { app, url } = await start(platform, '20s');
    const held = await holdOutside(db, 'decorated');
    const waiting = ask(`${url}/decorated`);
    await db.waitForWaiter();
    const closing = app.close();
    await eventually(() => app.get(RunRegistry).stopping);
    await held.release();
    expect(await waiting).toEqual({ status: 200, text: 'ran' });
    await closing;
  });

  it('refuses it, and closes, when shutdown.timeout is over, whatever does not end', async () => {
    const { app, url } = await start(platform, '300ms');
    const held = await holdOutside(db, 'decorated');
    const waiting = ask(`${url}/decorated`);
    await db.waitForWaiter();
    app.get(RunRegistry).addJob(new Promise(() => undefined));
    await app.close();
    expect((await waiting).status).toBe(503);
    await held.release();
  });
});

/** A request on a connection of its own, which does not outlive it. */
function ask(url: string, method = 'GET', body?: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const request = http.request(url, { method, agent: false, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.on('error', reject).end(body);
  });
}
