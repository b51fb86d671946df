import { Controller, UseInterceptors } from '@nestjs/common';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  Payload,
  Transport,
  type RmqOptions,
} from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { AdvisoryLock, PgLockModule } from '../../lib/index.js';
import { spawnChild } from '../support/child.js';
import { eventually, useDatabase } from '../support/database.js';
import { holders, holdOutside } from './support/holder.js';
import { describeWithRabbitMq, startRabbitMq } from './support/rabbitmq.js';

describe('handlers of queues', () => {
  const db = useDatabase();
  const seen: (readonly unknown[])[] = [];
  const look = async (id: string, ...rest: unknown[]): Promise<void> => {
    seen.push([id, await holders(db, id), ...rest]);
  };

  beforeEach(() => {
    seen.length = 0;
  });

  describeWithRabbitMq('RabbitMQ', () => {
    let broker: Awaited<ReturnType<typeof startRabbitMq>>;

    beforeAll(async () => {
      broker = await startRabbitMq();
    });

    afterAll(() => broker.stop());

    it('@RabbitSubscribe and @RabbitRPC run under their locks; while others hold them, error handlers decide', async () => {
      const script = new URL('../support/children/rabbitmq.mjs', import.meta.url);
      const child = spawnChild(script, { env: { PGLOCK_URL: db.url, RABBITMQ_URI: broker.uri } });
      const { seen: ran, answer } = (await child.next('ran')) as unknown as {
        seen: unknown[];
        answer: number;
      };
      expect(ran.sort()).toEqual([
        ['rabbit:8', 1],
        ['rabbit:count', 1],
        ['rabbit:paid', 1, 7, 'rabbit:paid'],
      ]);
      expect(answer).toBe(42);
      expect(await child.next('refused')).toMatchObject({ seen: [], rejected: ['55P03', '55P03'] });
      await child.next('done');
      expect(await child.exit).toEqual({ code: 0, signal: null });
    });

    it('@MessagePattern and @EventPattern over RabbitMQ run under their locks', async () => {
      @Controller()
      class Messages {
        @MessagePattern('ask')
        @UseInterceptors(AdvisoryLock('rmq:ask', { timeout: 0 }))
        async ask(@Payload() text: string): Promise<string> {
          await look('rmq:ask', text);
          return text.toUpperCase();
        }

        @EventPattern('told')
        @UseInterceptors(AdvisoryLock('rmq:told'))
        async told(@Payload() text: string): Promise<void> {
          await look('rmq:told', text);
        }
      }
      const options = {
        transport: Transport.RMQ as const,
        options: { urls: [broker.uri], queue: 'messages' },
      } satisfies RmqOptions;
      const module = await Test.createTestingModule({
        imports: [PgLockModule.forRoot({ connection: db.url })],
        controllers: [Messages],
      }).compile();
      const app = module.createNestMicroservice(options);
      app.useLogger(false);
      await app.listen();
      const client = ClientProxyFactory.create(options);
      expect(await firstValueFrom(client.send('ask', 'hello'))).toBe('HELLO');
      await lastValueFrom(client.emit('told', 'news'), { defaultValue: undefined });
      await eventually(() => seen.length === 2);
      const other = await holdOutside(db, 'rmq:ask');
      await expect(firstValueFrom(client.send('ask', 'again'))).rejects.toMatchObject({ code: '55P03' });
      await other.release();
      expect(seen).toEqual([
        ['rmq:ask', 1, 'hello'],
        ['rmq:told', 1, 'news'],
      ]);
      await client.close();
      await app.close();
    });
  });

  it('tasks of graphile-worker stop the boot with an interceptor, and lock by @WithAdvisoryLock', async () => {
    const script = new URL('../support/children/graphile-worker.mjs', import.meta.url);
    const child = spawnChild(script, { env: { PGLOCK_URL: db.url } });
    const { refusal } = await child.next('refused');
    expect(refusal).toMatch(
      /^PgLockConfigurationError: .*'Refused\.run' would never run: .* Use @WithAdvisoryLock/,
    );
    expect(await child.next('ran')).toMatchObject({ seen: [['export:may', 1]] });
    expect(await child.exit).toEqual({ code: 0, signal: null });
  });
});
