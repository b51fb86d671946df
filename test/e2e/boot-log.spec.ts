import { Injectable, Module, UseInterceptors, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import pg from 'pg';
import { AdvisoryLock, Leader, PgLockModule, type PgLockModuleOptions } from '../../lib/index.js';
import { useDatabase } from '../support/database.js';

@Injectable()
class Work {
  @Cron('0 0 1 1 *')
  @UseInterceptors(AdvisoryLock('boot-log'))
  run(): void {}

  @Leader('boot-log')
  async lead(): Promise<void> {
    await Promise.resolve();
  }
}

describe('the boot log', () => {
  const db = useDatabase();
  const SECRET = 'not-for-the-log';

  /** What is logged about the database while an application boots. */
  async function lines(options: PgLockModuleOptions, providers: (typeof Work)[] = []): Promise<string[]> {
    const logged: string[] = [];
    const note = (...parts: unknown[]) => void logged.push(parts.join(' '));
    const logger: LoggerService = { log: note, warn: note, error: note };
    class App {}
    Module({ imports: [ScheduleModule.forRoot(), PgLockModule.forRoot(options)], providers })(App);
    const app = await NestFactory.createApplicationContext(App, { logger, abortOnError: false });
    db.defer(() => app.close());
    expect(logged.join('\n')).not.toContain(SECRET);
    return logged.filter((line) => line.startsWith("Database '"));
  }

  it('says on one line where it goes, in which role, with how many jobs and leaders', async () => {
    const { host, username } = new URL(db.url);
    expect(await lines({ connection: db.url }, [Work])).toEqual([
      `Database 'default': ${host}/${db.name} as ${username}, own pool, 1 job, 1 leader PgLock`,
    ]);
  });

  it('opens no connection for it, and never shows a password', async () => {
    const connection = `postgres://app:${SECRET}@127.0.0.1:1/shop?application_name=${SECRET}`;
    const sessions = { directConnection: { host: 'db', user: 'app', password: SECRET, database: 'shop' } };
    expect(await lines({ connection, sessions })).toEqual([
      "Database 'default': 127.0.0.1:1/shop as app, own pool, locks past the pooler on db:5432/shop as app, 0 jobs, 0 leaders PgLock",
    ]);
  });

  it('says that a pool is lent, and that a pooler is trusted', async () => {
    const pool = new pg.Pool({ connectionString: 'postgres://app@127.0.0.1:1/shop' });
    db.defer(() => pool.end());
    expect(await lines({ pool, sessions: { trustPooler: true } })).toEqual([
      "Database 'default': 127.0.0.1:1/shop as app, lent pool, pooler trusted, 0 jobs, 0 leaders PgLock",
    ]);
  });

  it('says that an unset connection means the PG* variables', async () => {
    const before = { ...process.env };
    db.defer(() => void Object.assign(process.env, before));
    Object.assign(process.env, { PGHOST: 'pg.example', PGPORT: '5433', PGUSER: 'env', PGDATABASE: 'shop' });
    expect(await lines({})).toEqual([
      "Database 'default': pg.example:5433/shop as env, own pool, no connection given: the PG* variables are used, 0 jobs, 0 leaders PgLock",
    ]);
  });
});
