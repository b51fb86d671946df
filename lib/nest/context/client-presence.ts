import type { ExecutionContext } from '@nestjs/common';
import { isClosed, onClosing, type Closing } from './closing.js';

/**
 * Calls back when the client that waits for a handler's answer is gone: the response or the socket closed early.
 *
 * @returns a function that stops watching.
 * @internal
 */
export function onceClientGone(context: ExecutionContext, callback: () => void): () => void {
  return onceGone(candidate(context), callback);
}

/** The same of a response or a socket that is at hand. @internal */
export function onceGone(source: unknown, callback: () => void): () => void {
  if (!isEmitter(source)) return nothing;
  if (isGone(source)) queueMicrotask(callback);
  return onClosing(source, () => {
    if (isGone(source)) callback();
  });
}

function candidate(context: ExecutionContext): unknown {
  switch (context.getType<string>()) {
    case 'http':
      return rawResponse(context.switchToHttp().getResponse());
    case 'graphql': {
      const request: { res?: unknown; reply?: unknown; req?: { res?: unknown } } | undefined =
        context.getArgByIndex(2);
      return rawResponse(request?.res ?? request?.reply ?? request?.req?.res);
    }
    case 'ws':
      return context.switchToWs().getClient();
    case 'rpc':
      return rpcSocket(context.switchToRpc().getContext());
    default:
      return undefined;
  }
}

function rawResponse(response: unknown): unknown {
  return isObject(response) && 'raw' in response ? response.raw : response;
}

/** The TCP transport's socket; other transports do not show when a client left. */
function rpcSocket(context: unknown): unknown {
  if (!isObject(context)) return undefined;
  const socket: unknown = (context as { getSocketRef?: () => unknown }).getSocketRef?.();
  return isObject(socket) && 'netSocket' in socket ? socket.netSocket : socket;
}

/** A response that was written to its end has closed because it is done. One of HTTP/2 counts as written when it was aborted, too. */
function isGone(source: Closing): boolean {
  const { writableFinished, stream, readyState, connected } = source as {
    readonly writableFinished?: boolean;
    readonly stream?: { readonly aborted?: boolean };
    readonly readyState?: unknown;
    readonly connected?: boolean;
  };
  if ('headersSent' in source && writableFinished === true && stream?.aborted !== true) return false;
  return isClosed(source) || connected === false || readyState === WEBSOCKET_CLOSED;
}

const WEBSOCKET_CLOSED = 3;

function isEmitter(value: unknown): value is Closing {
  return isObject(value) && 'on' in value && typeof value.on === 'function' && 'removeListener' in value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function nothing(): void {}
