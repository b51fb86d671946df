/**
 * Keys under which Nest and its companions keep what their decorators say. They are exported from deep paths that differ
 * between Nest 11 and 12; the strings have not changed since Nest 4, and `test/e2e` pins them on every supported Nest.
 *
 * @internal
 */
export const METADATA = {
  interceptors: '__interceptors__',
  guards: '__guards__',
  routeArguments: '__routeArguments__',
  render: '__renderTemplate__',
  redirect: '__redirect__',
  sse: '__sse__',
  routePath: 'path',
  routeMethod: 'method',
  schedulerType: 'SCHEDULER_TYPE',
  cronOptions: 'SCHEDULE_CRON_OPTIONS',
  intervalOptions: 'SCHEDULE_INTERVAL_OPTIONS',
  timeoutOptions: 'SCHEDULE_TIMEOUT_OPTIONS',
  resolverType: 'graphql:resolver_type',
  resolvedField: 'graphql:resolve_property',
  gateway: 'websockets:is_gateway',
  socketMessage: 'websockets:message_mapping',
  pattern: 'microservices:pattern',
  transport: 'microservices:transport',
  eventListener: 'EVENT_LISTENER_METADATA',
  processor: 'bullmq:processor_metadata',
  queueEvent: 'bullmq:queue_events_metadata',
  workerEvent: 'bullmq:worker_events_metadata',
  commandHandler: '__commandHandler__',
  queryHandler: '__queryHandler__',
  eventsHandler: '__eventsHandler__',
  sagas: '__saga__',
  command: 'CommandBuilder:Command:Meta',
  subCommand: 'CommandBuilder:Subcommand:Meta',
} as const;

/** Any function, as decorators meet them. @internal */
export type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;

/** Copies every metadata key, the name and the arity of a method to the function that takes its place. @internal */
export function impersonate(replacement: AnyFunction, original: AnyFunction): void {
  for (const key of Reflect.getMetadataKeys(original) as unknown[])
    Reflect.defineMetadata(key, Reflect.getMetadata(key, original), replacement);
  Object.defineProperty(replacement, 'name', { value: original.name, configurable: true });
  Object.defineProperty(replacement, 'length', { value: original.length, configurable: true });
}

/** Whether a method is one of `@nestjs/schedule`: `@Cron`, `@Interval` or `@Timeout`. @internal */
export function isScheduled(method: unknown): boolean {
  return typeof method === 'function' && Reflect.hasMetadata(METADATA.schedulerType, method);
}

/** Whether a method is an HTTP route: what it throws becomes the answer. @internal */
export function isRoute(method: object): boolean {
  return Reflect.hasMetadata(METADATA.routePath, method) && Reflect.hasMetadata(METADATA.routeMethod, method);
}
