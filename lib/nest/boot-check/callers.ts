import { isRoute, isScheduled, METADATA } from '../nest-metadata.js';
import type { CheckedMethod } from './checked-method.js';

/**
 * Who calls a method, and what becomes of its enhancers: Nest *runs* them; the library runs them by a *bridge*; *none* runs, as is
 * known; or it is *unknown* until the application has booted.
 *
 * @internal
 */
export type Caller =
  | { readonly enhancers: 'run' }
  | { readonly enhancers: 'bridged'; readonly type: BridgedType }
  | { readonly enhancers: 'none'; readonly why: string }
  | { readonly enhancers: 'unknown' };

/** What `context.getType()` says on a bridged method. @internal */
export type BridgedType = 'event' | 'bullmq' | 'cqrs' | 'commander';

const RUN: Caller = { enhancers: 'run' };
const UNKNOWN: Caller = { enhancers: 'unknown' };
const PASS_THROUGH_STREAM: Caller = {
  enhancers: 'none',
  why:
    'a @GrpcStreamCall handler returns before its stream begins, so that the lock would be released at once: use ' +
    '@GrpcStreamMethod, or lock inside the handler by pglock.advisory()',
};

/** Who calls this method, as far as its metadata tells. @internal */
export function callerOf(checked: CheckedMethod): Caller {
  const { method, isController } = checked;
  if (isScheduled(method)) return RUN;
  if (isController && isRoute(method)) return RUN;
  if (isController && Reflect.hasMetadata(METADATA.pattern, method))
    return isPassThrough(method) ? PASS_THROUGH_STREAM : RUN;
  if (isGatewayMessage(checked) || isRootField(method)) return RUN;
  const type = bridgedType(checked);
  return type === undefined ? UNKNOWN : { enhancers: 'bridged', type };
}

function isGatewayMessage({ host, method }: CheckedMethod): boolean {
  return Reflect.hasMetadata(METADATA.gateway, host) && Reflect.hasMetadata(METADATA.socketMessage, method);
}

/** Fields of the root types always run enhancers; those of other types only where GraphQLModule is told so. */
function isRootField(method: object): boolean {
  const type: unknown = Reflect.getMetadata(METADATA.resolverType, method);
  return type === 'Query' || type === 'Mutation' || type === 'Subscription';
}

function isPassThrough(method: object): boolean {
  const patterns = Reflect.getMetadata(METADATA.pattern, method) as unknown;
  const list: unknown[] = Array.isArray(patterns) ? patterns : [patterns];
  return list.some((pattern) => (pattern as { streaming?: unknown } | null)?.streaming === 'pt_stream');
}

function bridgedType({ host, method, name }: CheckedMethod): BridgedType | undefined {
  const onHost = (...keys: string[]): boolean => keys.some((key) => Reflect.hasMetadata(key, host));
  if (Reflect.hasMetadata(METADATA.eventListener, method)) return 'event';
  if ([METADATA.workerEvent, METADATA.queueEvent].some((key) => Reflect.hasMetadata(key, method)))
    return 'bullmq';
  if (name === 'process' && onHost(METADATA.processor)) return 'bullmq';
  if (name === 'execute' && onHost(METADATA.commandHandler, METADATA.queryHandler)) return 'cqrs';
  if (name === 'handle' && onHost(METADATA.eventsHandler)) return 'cqrs';
  return name === 'run' && onHost(METADATA.command, METADATA.subCommand) ? 'commander' : undefined;
}
