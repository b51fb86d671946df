import type { ExecutionContext } from '@nestjs/common';
import { METADATA } from '../nest-metadata.js';

/** As `Transport.GRPC` of `@nestjs/microservices`, which is optional. */
const GRPC = 4;

/** `ABORTED`: what gRPC answers where another call holds the lock, and the client may try again. @internal */
export const GRPC_ABORTED = 10;

/** Whether the handler answers gRPC, which cannot send nothing. @internal */
export function isGrpc(context: ExecutionContext): boolean {
  return (
    context.getType<string>() === 'rpc' &&
    Reflect.getMetadata(METADATA.transport, context.getHandler()) === GRPC
  );
}
