import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DashboardServer } from '../http/dashboard-server.js';
import { pathBelow } from '../http/exchange.js';
import { dashboardPaths, type DashboardPath } from './dashboard-paths.js';

interface ExpressRequest extends IncomingMessage {
  readonly originalUrl: string;
}

type ExpressHandler = (
  request: ExpressRequest,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

interface Layer {
  readonly route?: { readonly path: unknown; readonly methods?: Readonly<Record<string, boolean>> };
  match(path: string): unknown;
}

/** As much of an Express application as we need. @internal */
export interface ExpressApplication {
  use(path: string, handler: ExpressHandler): unknown;
  readonly router?: { readonly stack?: Layer[] };
}

/**
 * Puts the dashboard behind all middleware, and before routes with wildcards that would swallow it.
 *
 * @returns a route of the application that stands where the dashboard is to stand, if there is one.
 * @internal
 */
export function mountOnExpress(
  express: ExpressApplication,
  base: string,
  server: DashboardServer,
  allowSignals: boolean,
): string | undefined {
  const stack = express.router?.stack ?? [];
  const paths = dashboardPaths(base, allowSignals);
  const taken = paths.find((path) => stack.some((layer) => isSame(layer, path)));
  if (taken !== undefined) return taken.url;
  const swallowing = stack.findIndex((layer) => swallows(layer, base));
  express.use(base === '' ? '/' : base, (request, response, next) => {
    const below = pathBelow(base, request.originalUrl);
    if (below === undefined) return next();
    const { method = 'GET', headers } = request;
    const exchange = {
      ...below,
      method,
      headers,
      request,
      platformResponse: response,
      raw: request,
      response,
    };
    server.handle(exchange).then((handled) => {
      if (!handled) next();
    }, next);
  });
  const own = stack.at(-1);
  if (swallowing !== -1 && own !== undefined)
    stack.splice(swallowing, 0, ...stack.splice(stack.length - 1, 1));
  return undefined;
}

/** Whether the application has this very route, written without wildcards. */
function isSame({ route }: Layer, { method, url }: DashboardPath): boolean {
  if (route === undefined || !answers(route, method)) return false;
  return typeof route.path === 'string' && bare(route.path) === bare(url);
}

function answers({ methods }: NonNullable<Layer['route']>, method: string): boolean {
  return methods?.['_all'] === true || methods?.[method.toLowerCase()] === true;
}

function bare(path: string): string {
  return path.replace(/\/+$/, '').toLowerCase();
}

/** A route for GET with wildcards. One for all methods may be middleware of the application. */
function swallows(layer: Layer, base: string): boolean {
  const { route } = layer;
  if (route === undefined || route.methods?.['_all'] === true || route.methods?.['get'] !== true)
    return false;
  return Boolean(layer.match(`${base}/`)) || Boolean(layer.match(`${base}/api/now`));
}
