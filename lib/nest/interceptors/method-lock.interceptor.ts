import {
  HttpException,
  HttpStatus,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { catchError, map, type Observable } from 'rxjs';
import type { LockNotAvailableError } from '../../errors/lock-not-available.error.js';
import { isGrpc } from '../context/grpc-call.js';
import { HttpExchange } from '../context/http-exchange.js';
import { contentionException, type Answering } from '../exceptions/contention-exception.js';
import { LockedException } from '../exceptions/locked.exception.js';
import { emptyAnswer } from './empty-answer.js';

/** What became of a decorated method that did not run. */
type Miss = { readonly refusal: LockNotAvailableError; readonly answering: Answering } | 'skipped';

const misses = new WeakMap<object, Miss>();

/** What a decorated method throws whose lock was not acquired; of a handler, {@link MethodLockInterceptor} answers for it. @internal */
export function refusedMethod(refusal: LockNotAvailableError, answering: Answering, isRoute: boolean): Error {
  const { httpStatus } = answering;
  const error =
    isRoute && httpStatus !== null ? new LockedException(httpStatus, { cause: refusal }) : refusal;
  misses.set(error, { refusal, answering });
  return error;
}

/** What a decorated route throws that was skipped: an empty answer, whatever calls it. @internal */
export function skippedRoute(): Error {
  const error = new HttpException('', HttpStatus.NO_CONTENT);
  misses.set(error, 'skipped');
  return error;
}

/**
 * Stands before handlers that are decorated with `WithAdvisoryLock`, which knows no request: answers for those that did not
 * get their lock as `AdvisoryLock` does, on every transport.
 *
 * @internal
 */
export class MethodLockInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const answered = next.handle().pipe(catchError((error: unknown) => answer(error, context)));
    // gRPC cannot send nothing, which is what a method that was skipped gives.
    return isGrpc(context) ? answered.pipe(map((value: unknown) => value ?? {})) : answered;
  }
}

async function answer(error: unknown, context: ExecutionContext): Promise<undefined> {
  const miss = misses.get(error as object);
  if (miss === undefined) throw error;
  if (miss !== 'skipped') throw await contentionException(miss.refusal, context, miss.answering);
  const http = HttpExchange.of(context);
  if (http !== undefined) emptyAnswer(http);
  return undefined;
}
