import { Injectable, Module, Scope, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron } from '@nestjs/schedule';
import type { INestApplicationContext } from '@nestjs/common';
import {
  Leader,
  PgLockConfigurationError,
  PgLockModule,
  PgLockService,
  PgLockUsageError,
} from '../../lib/index.js';
import type { Leadership } from '../../lib/index.js';
import { eventually, useDatabase } from '../support/database.js';

const db = useDatabase();

async function boot(providers: Type[], imports: object = {}): Promise<INestApplicationContext> {
  class App {}
  Module({ imports: [PgLockModule.forRoot({ connection: db.url, ...imports })], providers })(App);
  const app = await NestFactory.createApplicationContext(App, { logger: false, abortOnError: false });
  db.defer(() => app.close());
  return app;
}

const until = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

@Injectable()
class Poller {
  terms: Leadership[] = [];
  ended = 0;

  @Leader('poller')
  async poll(leadership: Leadership): Promise<void> {
    this.terms.push(leadership);
    await until(leadership.signal);
    this.ended++;
  }
}

describe('@Leader', () => {
  it('leads from bootstrap on, on one replica, and leaves the lead to the next at shutdown', async () => {
    const first = await boot([Poller]);
    const leading = first.get(Poller);
    await eventually(() => leading.terms.length === 1);
    const second = await boot([Poller]);
    const standing = second.get(Poller);
    expect(first.get(PgLockService).isLeader('poller')).toBe(true);
    await first.close();
    expect(leading.ended).toBe(1);
    await eventually(() => standing.terms.length === 1);
    expect(standing.terms[0]!.term).toBeGreaterThan(leading.terms[0]!.term);
  });

  it('leads again after it has failed too often', async () => {
    let runs = 0;
    @Injectable()
    class Failing {
      @Leader('failing', { giveUpAfter: 2, backOff: { first: 5, most: 20 } })
      run(): void {
        if (++runs < 5) throw new Error('not yet');
      }
    }
    await boot([Failing]);
    await eventually(() => runs === 5);
  });

  it('never stops a boot for a database that is away', async () => {
    const app = await boot([Poller], { connection: 'postgres://127.0.0.1:1/nowhere' });
    expect(app.get(Poller).terms).toEqual([]);
  });

  it.each([Scope.REQUEST, Scope.TRANSIENT])('refuses the boot in scope %j', async (scope) => {
    @Injectable({ scope })
    class Scoped extends Poller {
      @Leader('scoped')
      override async poll(leadership: Leadership): Promise<void> {
        await super.poll(leadership);
      }
    }
    await expect(boot([Scoped])).rejects.toThrow(/Scoped\.poll.*request-scoped or transient/);
  });

  it('refuses the boot for a database that is not there, a job, and an override that does not lead', async () => {
    @Injectable()
    class Elsewhere {
      @Leader('x', { connection: 'reporting' })
      lead(): void {}
    }
    class Job {
      @Cron('0 0 1 1 *')
      @Leader('x')
      lead(): void {}
    }
    Injectable()(Job);
    @Injectable()
    class Override extends Poller {
      override poll(): Promise<void> {
        return Promise.resolve();
      }
    }
    await expect(boot([Elsewhere])).rejects.toThrow(/Elsewhere\.lead.*name: 'reporting'/);
    await expect(boot([Job])).rejects.toThrow(/Job\.lead/);
    await expect(boot([Override])).rejects.toThrow(PgLockConfigurationError);
  });

  it('refuses bad names and options where they are written', () => {
    expect(() => Leader('')).toThrow(PgLockUsageError);
    expect(() => Leader('x', { giveUpAfter: 0 })).toThrow(PgLockUsageError);
    expect(() => Leader('x')({}, 'property', undefined)).toThrow(PgLockUsageError);
  });
});
