import { Injectable, type CanActivate, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { DiscoveryService, HttpAdapterHost } from '@nestjs/core';
import { GlobalEnhancersOfOurs } from '../boot-check/global-enhancers.js';
import { HttpExchange } from '../context/http-exchange.js';
import { processWide } from '../../vocabulary/process-wide.js';
import { isMarked } from '../enhancer-mark.js';
import { methodNames } from '../method-names.js';
import { METADATA, type AnyFunction } from '../nest-metadata.js';
import { methodOf, resolveEnhancer, type Host } from '../schedule-bridge/job-enhancers.js';
import { releaseAdmitted } from './admitted-locks.js';

/** An interceptor that can take what it holds before the answer begins. @internal */
export interface Admitting {
  /** Rejects with what is to be answered where the handler is not to run. */
  admit(context: ExecutionContext): Promise<void>;
}

/**
 * Takes the locks of `@Sse()` handlers before Nest begins their answer: it sends the head of server-sent events as soon as it has
 * asked the interceptors for them, so that no client could be told 423, 204 or 503 once a lock had to be waited for.
 *
 * A guard that stands behind all other guards of the handler does it, and hands over to the interceptors.
 *
 * @internal
 */
@Injectable()
export class SseAdmission {
  private readonly hosts = new Map<unknown, Host>();

  constructor(
    discovery: DiscoveryService,
    private readonly adapters: HttpAdapterHost,
    private readonly global: GlobalEnhancersOfOurs,
  ) {
    // In the constructor, since routes are registered before any hook.
    for (const { metatype, host } of discovery.getControllers())
      if (typeof metatype === 'function' && host !== undefined) this.hosts.set(metatype, host);
    for (const controller of this.hosts.keys())
      installGuards((controller as AnyFunction).prototype as object);
    APPLICATIONS.add(this);
  }

  onApplicationShutdown(): void {
    APPLICATIONS.delete(this);
  }

  /** Whether a request came to this application; with one application in the process it did. */
  serves(request: unknown): boolean {
    const { app, server } = request as { readonly app?: unknown; readonly server?: unknown };
    const instance: unknown = this.adapters.httpAdapter.getInstance();
    return app === instance || server === instance;
  }

  /** Takes what the interceptors of ours around the handler hold, the outermost first. */
  async admit(context: ExecutionContext, answer: object): Promise<void> {
    try {
      for (const interceptor of await this.interceptorsOf(context)) await interceptor.admit(context);
    } catch (error) {
      await releaseAdmitted(answer);
      throw error;
    }
  }

  private async interceptorsOf(context: ExecutionContext): Promise<Admitting[]> {
    const host = this.hosts.get(context.getClass());
    if (host === undefined) return [];
    const named = [context.getClass(), context.getHandler()]
      .flatMap((target) => (Reflect.getMetadata(METADATA.interceptors, target) ?? []) as unknown[])
      .filter(isMarked);
    const own = named.map(async (found) => (await resolveEnhancer<NestInterceptor>(found, host))());
    return [...this.global.interceptors(), ...(await Promise.all(own))].filter(isAdmitting);
  }
}

/** The applications of this process: classes, and so their guards, are theirs in common. */
const APPLICATIONS = processWide('sse-applications:1', () => new Set<SseAdmission>());

/** One for the process: with one for each copy of the library a handler would be admitted twice, and wait for itself. */
const GUARD = processWide('sse-guard:1', (): CanActivate => ({
  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = HttpExchange.of(context);
    const application = applicationOf(context);
    if (http === undefined || application === undefined) return true;
    const answer = context.switchToHttp().getResponse<object>();
    await application.admit(context, answer);
    http.onceClosed(() => void releaseAdmitted(answer));
    return true;
  },
}));

function applicationOf(context: ExecutionContext): SseAdmission | undefined {
  const [only, another] = APPLICATIONS;
  if (another === undefined) return only;
  const request = context.switchToHttp().getRequest<object>();
  return [...APPLICATIONS].find((application) => application.serves(request));
}

function installGuards(prototype: object): void {
  for (const name of methodNames(prototype)) {
    const method = methodOf(prototype, name);
    if (!Reflect.hasMetadata(METADATA.sse, method)) continue;
    const guards = (Reflect.getMetadata(METADATA.guards, method) ?? []) as unknown[];
    if (!guards.includes(GUARD)) Reflect.defineMetadata(METADATA.guards, [...guards, GUARD], method);
  }
}

function isAdmitting(interceptor: object): interceptor is NestInterceptor & Admitting {
  return 'admit' in interceptor && isMarked(interceptor);
}
