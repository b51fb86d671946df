import type { ExecutionContext } from '@nestjs/common';
import type { FlowContextValues } from '../../session/flow-context.js';

/** What Express and Fastify know of the route that a request took: its pattern, without what stands in for parameters. */
interface RoutedRequest {
  readonly method?: string;
  readonly route?: { readonly path?: string };
  readonly routeOptions?: { readonly url?: string };
}

/** What a handler is called where its sessions are listed: its route, its job, or its own name. @internal */
export function handlerLabel(context: ExecutionContext): FlowContextValues {
  const name = `${context.getClass().name}.${context.getHandler().name}`;
  if (context.getType<string>() === 'schedule') return { job: name };
  if (context.getType<string>() !== 'http') return { handler: name };
  const { method, route, routeOptions } = context.switchToHttp().getRequest<RoutedRequest>();
  const path = route?.path ?? routeOptions?.url;
  return path === undefined ? { handler: name } : { route: [method, path].filter(Boolean).join(' ') };
}
