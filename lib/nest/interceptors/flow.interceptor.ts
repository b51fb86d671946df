import type { CallHandler, ExecutionContext, NestInterceptor } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { LockRuntime } from '../lock-runtime.js';
import { heldAround } from './held-around.js';
import { whileHeld } from './held-handler.js';

/** Runs a handler inside something that follows the flow: a lock timeout, a priority. @internal */
export abstract class FlowInterceptor implements NestInterceptor {
  protected constructor(protected readonly runtime: LockRuntime) {}

  /** What is around the handler ends with the handler's promise, Observable or stream. */
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const holding = {
      take: () => heldAround((work) => this.around(work)),
      refused: (error: unknown) => error,
      skipped: () => undefined,
    };
    return whileHeld(context, next, holding, this.runtime.runs);
  }

  /** Runs work inside it. */
  protected abstract around(work: () => Promise<void>): Promise<unknown>;
}
