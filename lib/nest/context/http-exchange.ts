import type { ServerResponse } from 'node:http';
import type { ExecutionContext } from '@nestjs/common';
import { METADATA } from '../nest-metadata.js';
import { isClosed, onClosing } from './closing.js';

/** What Express' response and Fastify's reply have in common. */
interface AnyResponse {
  readonly raw?: ServerResponse;
  header(name: string, value: string): unknown;
  status(code: number): unknown;
}

/** The HTTP side of a handler's call, alike for Express and Fastify. @internal */
export class HttpExchange {
  private constructor(
    private readonly response: AnyResponse,
    private readonly handler: object,
    private readonly host: object,
  ) {}

  /** Undefined where the handler does not answer HTTP. */
  static of(context: ExecutionContext): HttpExchange | undefined {
    if (context.getType<string>() !== 'http') return undefined;
    const response = context.switchToHttp().getResponse<AnyResponse | undefined>();
    return response === undefined
      ? undefined
      : new HttpExchange(response, context.getHandler(), context.getClass());
  }

  /** The `http.ServerResponse` below the framework's. */
  get raw(): ServerResponse {
    return this.response.raw ?? (this.response as unknown as ServerResponse);
  }

  /** Whether the handler sends server-sent events. */
  get isSse(): boolean {
    return Reflect.hasMetadata(METADATA.sse, this.handler);
  }

  /** Whether Nest sends what the handler returns; else an empty answer must be sent in another way. */
  get isAnsweredByNest(): boolean {
    if (Reflect.hasMetadata(METADATA.render, this.handler)) return false;
    return !Reflect.hasMetadata(METADATA.redirect, this.handler) && !this.injectsResponse();
  }

  /** Whether something is being sent that ends after the handler: a stream that was piped to the response. */
  get isSending(): boolean {
    return this.raw.headersSent && !this.raw.writableEnded && !isClosed(this.raw);
  }

  setStatus(code: number): void {
    if (!this.raw.headersSent) this.response.status(code);
  }

  /** Calls back once, when the response was sent or its client is gone. */
  onceClosed(callback: () => void): void {
    const { raw } = this;
    if (isClosed(raw)) return queueMicrotask(callback);
    const stop = onClosing(raw, () => {
      stop();
      callback();
    });
  }

  /** `@Res()` and `@Next()` without `passthrough`: the handler answers by itself. */
  private injectsResponse(): boolean {
    const name = (this.handler as { readonly name: string }).name;
    const args = (Reflect.getMetadata(METADATA.routeArguments, this.host, name) ?? {}) as Record<
      string,
      { readonly data?: { readonly passthrough?: boolean } }
    >;
    return Object.entries(args).some(([key, { data }]) => /^[12]:/.test(key) && data?.passthrough !== true);
  }
}

/** Sets a header of Express' response or Fastify's reply, unless the head is sent already. @internal */
export function setHeader(response: AnyResponse | undefined, name: string, value: string): void {
  const raw = response?.raw ?? (response as unknown as ServerResponse | undefined);
  if (response !== undefined && raw?.headersSent === false) response.header(name, value);
}

/** Whether a value goes on being produced after the handler returned it. @internal */
export function isStreamingBody(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if ('getStream' in value && typeof value.getStream === 'function') return true;
  if ('pipe' in value && typeof value.pipe === 'function' && !('subscribe' in value)) return true;
  if (Symbol.asyncIterator in value) return true;
  return 'body' in value && value instanceof Response && value.body !== null;
}
