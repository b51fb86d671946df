import {
  HttpStatus,
  Logger,
  ServiceUnavailableException,
  type ArgumentsHost,
  type ExecutionContext,
} from '@nestjs/common';
import type { LockNotAvailableError } from '../../errors/lock-not-available.error.js';
import { GRPC_ABORTED, isGrpc } from '../context/grpc-call.js';
import { setHeader } from '../context/http-exchange.js';
import { LockedException, MESSAGE } from './locked.exception.js';

const logger = new Logger('PgLock');

/** How an application answers contention. @internal */
export interface Answering {
  /** `null` leaves it to the application. */
  readonly httpStatus: number | null;
  /** Whether the lock was refused because the application shuts down. */
  readonly isStopping: boolean;
}

/**
 * What a handler of this kind throws when its lock was not acquired: a {@link LockedException} over HTTP (with `Retry-After`) and
 * GraphQL, an `RpcException`, a `WsException`; anywhere else the error itself.
 *
 * @internal
 */
export async function contentionException(
  error: LockNotAvailableError,
  context: ExecutionContext,
  { httpStatus, isStopping }: Answering,
): Promise<Error> {
  const type = context.getType<string>();
  if (type === 'http') return httpException(error, context, { httpStatus, isStopping });
  if (httpStatus === null && type === 'graphql') return error;
  const status = httpStatus ?? HttpStatus.LOCKED;
  if (type !== 'graphql' && type !== 'schedule') logRefusal(error, context);
  switch (type) {
    case 'graphql':
      // Nest's driver for Apollo puts a code of its own over that of whatever has a `statusCode` in its body.
      return new LockedException(status, { cause: error }, { message: MESSAGE, error: 'Locked' });
    case 'rpc': {
      // The two transports are optional: only an application that uses one has its package, and gets here.
      const { RpcException } = await import('@nestjs/microservices');
      return Object.assign(new RpcException(rpcPayload(error, context)), { cause: error });
    }
    case 'ws': {
      const { WsException } = await import('@nestjs/websockets');
      return Object.assign(new WsException(payload(error)), { cause: error });
    }
    default:
      return error;
  }
}

/** Messages and events may have no reader of the answer: the log says what was refused, and for which lock. */
function logRefusal(error: LockNotAvailableError, context: ExecutionContext): void {
  const handler = `${context.getClass().name}.${context.getHandler().name}`;
  logger.warn(`${handler} (${context.getType<string>()}) was refused: ${error.message}`);
}

/**
 * What answers contention over HTTP, with `Retry-After` set on the response: 423 or `httpStatus`, 503 during shutdown, and the
 * error itself where the application answers by itself.
 *
 * @internal
 */
export function httpException(
  error: LockNotAvailableError,
  host: ArgumentsHost,
  { httpStatus, isStopping }: Answering,
): Error {
  if (isStopping)
    return new ServiceUnavailableException('The application is shutting down.', { cause: error });
  if (httpStatus === null) return error;
  setHeader(host.switchToHttp().getResponse(), 'Retry-After', retryAfter(error));
  return new LockedException(httpStatus, { cause: error });
}

/** Whole seconds, as long as the request has waited already, and at least one. */
function retryAfter(error: LockNotAvailableError): string {
  return String(Math.max(1, Math.ceil(error.waited / 1000)));
}

function payload(error: LockNotAvailableError): { status: string; code: string; message: string } {
  return { status: 'error', code: error.code, message: MESSAGE };
}

/** gRPC knows numbers only, and sends the message as details. */
function rpcPayload(error: LockNotAvailableError, context: ExecutionContext): object {
  return isGrpc(context) ? { code: GRPC_ABORTED, message: MESSAGE } : payload(error);
}
