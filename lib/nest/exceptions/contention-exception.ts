import type { ExecutionContext } from '@nestjs/common';
import type { LockNotAvailableError } from '../../errors/lock-not-available.error.js';
import { HttpExchange } from '../context/http-exchange.js';
import { LockedException, MESSAGE } from './locked.exception.js';

/**
 * What a handler of this kind throws when its lock is not had: a {@link LockedException} over HTTP (with `Retry-After`) and
 * GraphQL, an `RpcException`, a `WsException`; anywhere else the error itself.
 *
 * @internal
 */
export async function contentionException(
  error: LockNotAvailableError,
  context: ExecutionContext,
  httpStatus: number,
): Promise<Error> {
  switch (context.getType<string>()) {
    case 'http':
      HttpExchange.of(context)?.setHeader('Retry-After', retryAfter(error));
      return new LockedException(httpStatus, { cause: error });
    case 'graphql':
      // Nest's driver for Apollo puts a code of its own over that of whatever has a `statusCode` in its body.
      return new LockedException(httpStatus, { cause: error }, { message: MESSAGE, error: 'Locked' });
    case 'rpc': {
      // The two transports are optional: only an application that uses one has its package, and gets here.
      const { RpcException } = await import('@nestjs/microservices');
      return Object.assign(new RpcException(payload(error)), { cause: error });
    }
    case 'ws': {
      const { WsException } = await import('@nestjs/websockets');
      return Object.assign(new WsException(payload(error)), { cause: error });
    }
    default:
      return error;
  }
}

/** Whole seconds, as long as the request has waited already, and at least one. */
function retryAfter(error: LockNotAvailableError): string {
  return String(Math.max(1, Math.ceil(error.waited / 1000)));
}

function payload(error: LockNotAvailableError): { status: string; code: string; message: string } {
  return { status: 'error', code: error.code, message: MESSAGE };
}
