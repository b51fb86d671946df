import { once } from 'node:events';
import { jest } from '@jest/globals';
import { Injectable, Scope, UseGuards, UseInterceptors, type Type } from '@nestjs/common';
import {
  Args,
  Field,
  GraphQLModule,
  Mutation,
  ObjectType,
  Query,
  ResolveField,
  Resolver,
  Subscription,
} from '@nestjs/graphql';
import type { MercuriusDriverConfig } from '@nestjs/mercurius';
import { Test } from '@nestjs/testing';
import { WebSocket } from 'ws';
import {
  AdvisoryLock,
  AdvisoryLockGuard,
  CurrentLock,
  PgLockConfigurationError,
  PgLockModule,
  WithAdvisoryLock,
  type LockHandle,
} from '../../lib/index.js';
import { eventually, useDatabase } from '../support/database.js';
import { holders, holdOutside, untilFree } from './support/holder.js';
import { get, serve } from './support/platforms.js';

// It serves mercurius' playground, which nobody opens here, and requires an ES module, which Jest cannot on Node 20.
jest.mock('@fastify/static', () => () => undefined);
const { MercuriusDriver } = await import('@nestjs/mercurius');

const mayStay = ({ applicationName }: { applicationName: string }) => applicationName.startsWith('pglock:');

describe('GraphQL', () => {
  const db = useDatabase({ mayStay });
  let url: string;

  @Resolver()
  class Queries {
    @Query(() => String)
    @UseInterceptors(
      AdvisoryLock((ctx) => `graphql:${ctx.getArgByIndex<{ name: string }>(1).name}`, { timeout: 0 }),
    )
    locked(@Args('name') name: string, @CurrentLock() lock: LockHandle) {
      return `${name} under ${String(lock.id)}`;
    }

    @Query(() => String)
    @WithAdvisoryLock('graphql:decorated', { timeout: 0 })
    async decorated() {
      return Promise.resolve('ran');
    }

    @Mutation(() => String)
    @UseInterceptors(AdvisoryLock('graphql:mutation', { timeout: 0 }))
    async change(@CurrentLock() lock: LockHandle) {
      return `${String(lock.id)} ${String(await holders(db, 'graphql:mutation'))}`;
    }

    @Query(() => String, { nullable: true })
    @UseInterceptors(AdvisoryLock('graphql:skip', { timeout: 0, onContention: 'skip' }))
    skipped() {
      return 'ran';
    }

    @Query(() => String)
    @UseInterceptors(AdvisoryLock('graphql:wait'))
    waiting() {
      return 'ran';
    }

    @Query(() => String)
    @UseGuards(AdvisoryLockGuard('graphql:guard'))
    guarded() {
      return 'ran';
    }
  }

  const graphql = () =>
    GraphQLModule.forRoot<MercuriusDriverConfig>({ driver: MercuriusDriver, autoSchemaFile: true });
  const ask = async (query: string) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query }),
    });
    return (await response.json()) as {
      data: unknown;
      errors?: { message: string; extensions?: { code?: string } }[];
    };
  };

  beforeAll(async () => {
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url }), graphql()],
      providers: [Queries],
    }).compile();
    const server = await serve(module, 'fastify');
    url = server.url;
    db.defer(() => server.app.close());
  });

  it('holds the lock around a resolver', async () => {
    expect((await ask('{ locked(name: "a") }')).data).toEqual({ locked: 'a under graphql:a' });
    expect(await holders(db, 'graphql:a')).toBe(0);
  });

  it('holds the lock around a mutation', async () => {
    expect((await ask('mutation { change }')).data).toEqual({ change: 'graphql:mutation 1' });
    await untilFree(db, 'graphql:mutation');
    await holdOutside(db, 'graphql:mutation');
    expect((await ask('mutation { change }')).errors?.[0]?.extensions?.code).toBe('55P03');
  });

  it('answers contention with an error whose code is 55P03', async () => {
    await holdOutside(db, 'graphql:b');
    const { errors } = await ask('{ locked(name: "b") }');
    expect(errors?.[0]).toMatchObject({
      message: expect.stringContaining('locked by another request') as string,
      extensions: { code: '55P03' },
    });
  });

  it('answers contention alike where the method is decorated', async () => {
    expect((await ask('{ decorated }')).data).toEqual({ decorated: 'ran' });
    await holdOutside(db, 'graphql:decorated');
    expect((await ask('{ decorated }')).errors?.[0]?.extensions?.code).toBe('55P03');
  });

  it('answers null under skip', async () => {
    await holdOutside(db, 'graphql:skip');
    expect(await ask('{ skipped }')).toEqual({ data: { skipped: null } });
  });

  it('refuses by guard while somebody else holds the lock', async () => {
    expect((await ask('{ guarded }')).data).toEqual({ guarded: 'ran' });
    await holdOutside(db, 'graphql:guard');
    expect((await ask('{ guarded }')).errors?.[0]?.extensions?.code).toBe('55P03');
  });

  it('stops waiting when the client leaves', async () => {
    await holdOutside(db, 'graphql:wait');
    const client = get(`${url}/graphql?query=${encodeURIComponent('{ waiting }')}`);
    await db.waitForWaiter();
    client.leave();
    await eventually(async () => (await db.sessions()).every(({ blockedBy }) => blockedBy.length === 0));
  });

  it('refuses subscriptions at boot', async () => {
    @Resolver()
    class Feed {
      @Query(() => String)
      any() {
        return 'any';
      }
      @Subscription(() => String)
      @UseInterceptors(AdvisoryLock('feed'))
      feed() {
        return undefined;
      }
    }
    const module = await Test.createTestingModule({
      imports: [PgLockModule.forRoot({ connection: db.url }), graphql()],
      providers: [Feed],
    }).compile();
    const boot = serve(module, 'fastify');
    await expect(boot).rejects.toThrow(PgLockConfigurationError);
    await expect(boot).rejects.toThrow(/Feed\.feed is a GraphQL subscription/);
    await module.close();
  });

  it('holds the lock of @WithAdvisoryLock around the call that starts a subscription, and no longer', async () => {
    const events = new Map<string, number>();
    @Resolver()
    class Feed {
      @Query(() => String)
      any() {
        return 'any';
      }
      @Subscription(() => String)
      @WithAdvisoryLock('graphql:feed')
      async feed() {
        events.set('at the start', await holders(db, 'graphql:feed'));
        return one();
      }
    }
    async function* one() {
      await untilFree(db, 'graphql:feed');
      events.set('at the event', await holders(db, 'graphql:feed'));
      yield { feed: 'news' };
    }
    const module = await Test.createTestingModule({
      imports: [
        PgLockModule.forRoot({ connection: db.url }),
        GraphQLModule.forRoot<MercuriusDriverConfig>({
          driver: MercuriusDriver,
          autoSchemaFile: true,
          subscription: true,
        }),
      ],
      providers: [Feed],
    }).compile();
    const { app, url: at } = await serve(module, 'fastify');
    const socket = new WebSocket(`${at.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    const heard = new Promise<unknown>((resolve) =>
      socket.on('message', (text: Buffer) => {
        const { type, payload } = JSON.parse(text.toString()) as { type: string; payload?: unknown };
        if (type === 'connection_ack')
          socket.send(
            JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'subscription { feed }' } }),
          );
        if (type === 'next') resolve(payload);
      }),
    );
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init' }));
    expect(await heard).toEqual({ data: { feed: 'news' } });
    expect(Object.fromEntries(events)).toEqual({ 'at the start': 1, 'at the event': 0 });
    socket.terminate();
    await app.close();
  });

  describe('fields of other types than the root', () => {
    @ObjectType()
    class Order {
      @Field(() => String)
      id!: string;
    }

    it('run under the locks of @WithAdvisoryLock, whatever GraphQLModule runs on them', async () => {
      @Resolver(() => Order)
      class Decorated {
        @Query(() => Order)
        order(): Order {
          return { id: '7' };
        }

        @ResolveField(() => String)
        @WithAdvisoryLock('graphql:decorated-field')
        async holders(): Promise<string> {
          return String(await holders(db, 'graphql:decorated-field'));
        }
      }
      const { app, url } = await boot(Decorated);
      expect(await orderAt(url)).toEqual({ data: { order: { id: '7', holders: '1' } } });
      await app.close();
    });

    const orderAt = async (url: string): Promise<unknown> => {
      const answer = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ order { id holders } }' }),
      });
      return answer.json();
    };

    const ordersOf = (scope: Scope): Type => {
      @Resolver(() => Order)
      class Orders {
        @Query(() => Order)
        order(): Order {
          return { id: '7' };
        }

        @ResolveField(() => String)
        @UseInterceptors(AdvisoryLock('graphql:field'))
        async holders(): Promise<string> {
          return String(await holders(db, 'graphql:field'));
        }
      }
      Injectable({ scope })(Orders);
      return Orders;
    };

    const boot = async (resolver: Type, fieldResolverEnhancers?: ('interceptors' | 'guards')[]) => {
      const options = {
        driver: MercuriusDriver,
        autoSchemaFile: true,
        ...(fieldResolverEnhancers && { fieldResolverEnhancers }),
      };
      const module = await Test.createTestingModule({
        imports: [
          GraphQLModule.forRoot<MercuriusDriverConfig>(options),
          PgLockModule.forRoot({ connection: db.url }),
        ],
        providers: [resolver],
      }).compile();
      return serve(module, 'fastify');
    };

    describe.each([
      ['singletons', ordersOf(Scope.DEFAULT)],
      ['created per request', ordersOf(Scope.REQUEST)],
    ])('of resolvers that are %s', (_how, resolver) => {
      it.each([[undefined], [['guards' as const]]])(
        'stop the boot where GraphQLModule does not run interceptors on them: %s',
        async (enhancers) => {
          await expect(boot(resolver, enhancers)).rejects.toThrow(
            /'Orders\.holders' would never run: GraphQL runs enhancers on fields only where .*fieldResolverEnhancers/,
          );
        },
      );

      it('run under their locks where it does', async () => {
        const { app, url } = await boot(resolver, ['interceptors']);
        expect(await orderAt(url)).toEqual({ data: { order: { id: '7', holders: '1' } } });
        await app.close();
      });
    });
  });
});
