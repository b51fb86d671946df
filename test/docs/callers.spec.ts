import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { document, ROOT } from './support/documents.js';

/** A test in `test/e2e`, by its file and its title. */
type Test = readonly [file: string, title: string];

interface Shown {
  readonly enhancers: Test;
  readonly decorators: Test;
}

/** Which tests show what the table says of each caller: of interceptors and guards, and of `@WithAdvisoryLock`. */
const SHOWN: Readonly<Record<string, Shown>> = {
  'HTTP routes, Express and Fastify': {
    enhancers: ['http.matrix', 'holds the lock while the handler runs, and hands it to @CurrentLock()'],
    decorators: [
      'methods.matrix',
      'answers 423 with Retry-After on a route under contention, and an empty 204 where it is skipped',
    ],
  },
  '`@Query`, `@Mutation`': {
    enhancers: ['graphql', 'holds the lock around a mutation'],
    decorators: ['graphql', 'answers contention alike where the method is decorated'],
  },
  '`@ResolveField`': {
    enhancers: ['graphql', 'stop the boot where GraphQLModule does not run interceptors on them: %s'],
    decorators: ['graphql', 'run under the locks of @WithAdvisoryLock, whatever GraphQLModule runs on them'],
  },
  '`@Subscription`': {
    enhancers: ['graphql', 'refuses subscriptions at boot'],
    decorators: [
      'graphql',
      'holds the lock of @WithAdvisoryLock around the call that starts a subscription, and no longer',
    ],
  },
  '`@SubscribeMessage`': {
    enhancers: ['transports', 'holds the lock around a message'],
    decorators: ['transports', 'answers contention of %s with an exception of code 55P03'],
  },
  '`@MessagePattern`, `@EventPattern`, `@GrpcMethod`, `@GrpcStreamMethod`': {
    enhancers: ['grpc', 'holds the lock while both sides stream'],
    decorators: ['transports', 'answers contention of %s with an RpcException of code 55P03'],
  },
  '`@GrpcStreamCall`': {
    enhancers: ['boot-check.matrix', 'refuses a gRPC call whose handler returns before its stream'],
    decorators: [
      'grpc',
      'holds the lock of @WithAdvisoryLock on a @GrpcStreamCall until its promise settles',
    ],
  },
  '`@Cron`, `@Interval`, `@Timeout`': {
    enhancers: ['jobs.matrix', 'runs @Cron, @Interval and @Timeout under their locks'],
    decorators: [
      'jobs.matrix',
      'gives jobs their defaults under @WithAdvisoryLock, above or below @Interval',
    ],
  },
  '`@OnEvent`': {
    enhancers: [
      'bridged-callers',
      'holds the lock while the listener runs, and gives it the lock rather than further arguments',
    ],
    decorators: ['bridged-callers', 'holds the lock of @WithAdvisoryLock while the listener runs'],
  },
  'BullMQ: `process`, `@OnWorkerEvent`, `@OnQueueEvent`': {
    enhancers: ['bridged-callers', 'runs processors, worker events and queue events under their locks'],
    decorators: ['bridged-callers', 'runs processors and worker events under the locks of @WithAdvisoryLock'],
  },
  'CQRS: command, query and event handlers': {
    enhancers: ['bridged-callers', 'run under their locks, and answer'],
    decorators: ['bridged-callers', 'run under the locks of @WithAdvisoryLock'],
  },
  'nest-commander: `run`': {
    enhancers: ['bridged-callers', 'run under their locks, of interceptors and of decorators'],
    decorators: ['bridged-callers', 'run under their locks, of interceptors and of decorators'],
  },
  "`@RabbitSubscribe` and others that ask Nest's `ExternalContextCreator` for a context": {
    enhancers: [
      'queues',
      '@RabbitSubscribe and @RabbitRPC run under their locks; while others hold them, error handlers decide',
    ],
    decorators: [
      'queues',
      '@RabbitSubscribe and @RabbitRPC run under their locks; while others hold them, error handlers decide',
    ],
  },
  'sagas of CQRS': {
    enhancers: ['bridged-callers', 'stop the boot where a saga has %s'],
    decorators: ['bridged-callers', 'stop the boot where a saga has %s'],
  },
  "lifecycle hooks, middleware, graphile-worker's tasks, plain methods": {
    enhancers: ['boot-check.matrix', 'refuses an interceptor on a lifecycle hook'],
    decorators: [
      'boot-check.matrix',
      'lets methods run under @WithAdvisoryLock that nobody calls through enhancers: hooks, and plain ones',
    ],
  },
  'direct calls of a decorated method, from your own code': {
    enhancers: [
      'boot-check.matrix',
      'leaves calls of a decorated route from code of the application alone: they are plain calls',
    ],
    decorators: ['methods.matrix', 'runs the method under the lock'],
  },
};

/** The callers in the table of docs/handlers.md. */
function callers(): string[] {
  const { text } = document('docs/handlers.md');
  const [, table = ''] = /\| called by .*\n\| -.*\n((?:\|.*\n)+)/.exec(text) ?? [];
  return table
    .trimEnd()
    .split('\n')
    .map((row) => (row.split('|')[1] ?? '').trim());
}

describe('the table of callers in the guide to handlers', () => {
  it('has the callers that are tested, and no others', () => {
    expect(callers()).toEqual(Object.keys(SHOWN));
  });

  const tests = new Set(Object.values(SHOWN).flatMap(({ enhancers, decorators }) => [enhancers, decorators]));
  it.each([...tests])('is shown by %s: %s', (file, title) => {
    const source = readFileSync(join(ROOT, 'test/e2e', `${file}.spec.ts`), 'utf8');
    expect(source).toContain(`'${title}'`);
  });
});
