import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';

/** A request below the dashboard's path, and where its answer goes: the same for every platform. @internal */
export interface Exchange {
  readonly method: string;
  /** Below the dashboard's path: `''`, `/`, `/api/now`. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** What guards and `authorize` know as the request: that of Express or Fastify. */
  readonly request: object;
  /** What guards know as the response. */
  readonly platformResponse: object;
  readonly raw: IncomingMessage;
  readonly response: ServerResponse;
}

const LARGEST_BODY = 16_384;

/** Splits a URL into what stands below the path, and the query. Undefined when it is not below it. @internal */
export function pathBelow(base: string, url: string): Pick<Exchange, 'path' | 'query'> | undefined {
  const [pathname = '', ...search] = url.split('?');
  if (pathname !== base && !pathname.startsWith(`${base}/`)) return undefined;
  return { path: pathname.slice(base.length), query: new URLSearchParams(search.join('?')) };
}

/**
 * The body as JSON, whether a parser of the platform has read it already or not; undefined when there is none.
 *
 * @throws {PgLockUsageError} when it is too large, or no JSON.
 * @internal
 */
export async function jsonBody({ request, raw }: Exchange): Promise<unknown> {
  const parsed = (request as { readonly body?: unknown }).body ?? undefined;
  const text = parsed ?? (await read(raw));
  if (typeof text !== 'string' && !Buffer.isBuffer(text)) return text;
  if (text.length === 0) return undefined;
  try {
    return JSON.parse(text.toString());
  } catch {
    throw new PgLockUsageError('The body must be JSON.');
  }
}

async function read(raw: IncomingMessage): Promise<string> {
  if (raw.readableEnded) return '';
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of raw as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_BODY) throw new PgLockUsageError(`The body must be at most ${LARGEST_BODY} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
