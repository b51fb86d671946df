import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DashboardServer } from '../http/dashboard-server.js';
import { pathBelow } from '../http/exchange.js';
import { dashboardPaths, type DashboardPath } from './dashboard-paths.js';

interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly originalUrl: string;
}

interface FastifyReply {
  readonly raw: ServerResponse;
  hijack(): void;
  callNotFound(): void;
}

/** As much of a Fastify instance as we need. @internal */
export interface FastifyInstance {
  route(
    route: DashboardPath & {
      readonly onRequest: (request: FastifyRequest, reply: FastifyReply, done: () => void) => void;
      readonly handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;
    },
  ): unknown;
  hasRoute(route: DashboardPath): boolean;
}

/**
 * Gives the dashboard its routes; middleware runs before those of Fastify.
 *
 * @returns a route of the application that stands where the dashboard is to stand, if there is one.
 * @internal
 */
export function mountOnFastify(
  fastify: FastifyInstance,
  base: string,
  server: DashboardServer,
  allowSignals: boolean,
): string | undefined {
  const paths = dashboardPaths(base, allowSignals);
  const taken = paths.find((path) => fastify.hasRoute(path));
  if (taken !== undefined) return taken.url;
  for (const path of paths)
    // `ignoreTrailingSlash` makes one of what are two.
    if (!fastify.hasRoute(path))
      fastify.route({
        ...path,
        onRequest: withoutEmptyJson,
        handler: (request, reply) => answer(base, server, request, reply),
      });
  return undefined;
}

/** A body that is not there is no JSON, whatever the request calls it: Fastify would refuse it before the dashboard is asked. */
function withoutEmptyJson({ raw }: FastifyRequest, _reply: FastifyReply, done: () => void): void {
  const { headers } = raw;
  const isEmpty = (headers['content-length'] ?? '0') === '0' && headers['transfer-encoding'] === undefined;
  if (isEmpty) Reflect.deleteProperty(headers, 'content-type');
  done();
}

async function answer(
  base: string,
  server: DashboardServer,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const below = pathBelow(base, request.originalUrl);
  const { raw } = request;
  const response = reply.raw;
  const { method = 'GET', headers } = raw;
  if (below === undefined) {
    reply.callNotFound();
    return reply;
  }
  reply.hijack();
  const exchange = { ...below, method, headers, request, platformResponse: reply, raw, response };
  if (await server.handle(exchange)) return reply;
  response.statusCode = 404;
  response.end();
  return reply;
}
