import { AsyncResource } from 'node:async_hooks';
import type { CallHandler, ExecutionContext } from '@nestjs/common';
import { Observable, type Subscriber, type Subscription } from 'rxjs';
import { onceClientGone } from '../context/client-presence.js';
import { HandlerObservation } from '../context/handler-outcome.js';
import { HttpExchange, isStreamingBody } from '../context/http-exchange.js';
import type { AnyFunction } from '../nest-metadata.js';
import { Canceller } from '../../vocabulary/canceller.js';
import type { Run, RunRegistry } from '../run-registry.js';

/** What is held around a handler, and what becomes of the cases in which the handler does not run. @internal */
export interface Holding {
  /** Takes what is to be held, runs `work`, lets go; resolves without having run it where it is skipped. */
  hold(work: () => Promise<void>, signal: AbortSignal): Promise<unknown>;
  /** The handler is not run: its answer is empty. */
  skipped(): void;
  /** The error for a failure to take what is to be held. */
  refused(error: unknown): unknown;
}

/** The handler's Observable, subscribed to while something is held. @internal */
export function whileHeld(
  context: ExecutionContext,
  next: CallHandler,
  holding: Holding,
  runs: RunRegistry,
): Observable<unknown> {
  return new Observable((subscriber) => {
    const held = new HeldHandler(context, next, holding, subscriber);
    runs.add(held);
    return () => held.unsubscribed();
  });
}

/**
 * One call of one handler under what is held for it.
 *
 * *Waiting* until it is had; *working* while the handler's promise or Observable goes on; *sending* while a stream that the
 * handler returned is on its way to the client; *over* once everything is released. The subscriber is told of the end after
 * the release, except for *sending*, where being told is what starts the stream.
 *
 * A subscriber that leaves, a client that is gone and the shutdown end what they can: a wait and an Observable at once. A
 * promise cannot be stopped, so what it needs is held until it settles.
 */
class HeldHandler implements Run {
  readonly kind = 'handler';
  readonly done: Promise<void>;
  private state: 'waiting' | 'working' | 'sending' | 'over' = 'waiting';
  /** Nobody wants the result; or nobody but Nest, which still waits for an end. */
  private abandoned: 'no' | 'by subscriber' | 'by client' = 'no';
  private hasEmitted = false;
  private hasStreamingBody = false;
  private inner: Subscription | undefined;
  private endWork: () => void = () => undefined;
  private readonly canceller = new Canceller();
  private readonly outer = new AsyncResource('PGLOCK_HANDLER');
  private readonly http: HttpExchange | undefined;
  private readonly observation: HandlerObservation;

  constructor(
    context: ExecutionContext,
    private readonly next: CallHandler,
    private readonly holding: Holding,
    private readonly subscriber: Subscriber<unknown>,
  ) {
    this.http = HttpExchange.of(context);
    this.observation = new HandlerObservation(context.getHandler() as AnyFunction, () => this.endAbandoned());
    const stopWatching = onceClientGone(context, () => this.abandon('by client'));
    this.done = holding
      .hold(() => this.work(), this.canceller.signal)
      .then(
        () => {
          stopWatching();
          this.released();
        },
        (error: unknown) => {
          stopWatching();
          return this.failed(error);
        },
      );
  }

  /** Also called by rxjs after each regular end. */
  unsubscribed(): void {
    this.abandon('by subscriber');
  }

  end(): void {
    if (this.state === 'sending') this.http?.raw.destroy();
    // Whoever waits is refused by its database; a request and its answer end by themselves. What streams may not.
    else if (this.state === 'working' && (this.http === undefined || this.http.isSse))
      this.abandon('by client');
  }

  private work(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.abandoned !== 'no') return resolve();
      this.state = 'working';
      this.endWork = resolve;
      this.observation.run(() => {
        this.inner = this.next.handle().subscribe({
          next: (value) => this.emit(value),
          error: reject,
          complete: () => this.completed(resolve),
        });
      });
      return undefined;
    });
  }

  private emit(value: unknown): void {
    this.hasEmitted = true;
    this.hasStreamingBody ||= this.http !== undefined && isStreamingBody(value);
    this.outer.runInAsyncScope(() => this.subscriber.next(value));
    this.endAbandoned();
  }

  private completed(release: () => void): void {
    const sends =
      this.http !== undefined && (this.hasStreamingBody || this.http.isSending) && !this.http.isSse;
    if (!sends || this.abandoned !== 'no') return release();
    this.state = 'sending';
    this.outer.runInAsyncScope(() => this.subscriber.complete());
    this.http.onceClosed(release);
  }

  private abandon(by: 'by subscriber' | 'by client'): void {
    if (this.state === 'over' || this.state === 'sending' || this.abandoned === 'by subscriber') return;
    this.abandoned = by;
    if (this.state === 'waiting')
      this.canceller.cancel(new Error('Whoever waited for the handler has left.'));
    else this.endAbandoned();
  }

  /** Ends work that nobody wants as soon as it is known that it can be ended. */
  private endAbandoned(): void {
    if (this.abandoned === 'no' || this.state !== 'working') return;
    const outcome = this.observation.outcome;
    if (outcome?.kind === 'observable') return this.stopWork();
    // Nest still waits for the result: it gets it, though nobody will read it.
    if (this.abandoned === 'by client') return;
    if (outcome?.kind === 'promise' && outcome.settled !== undefined)
      void outcome.settled.then(() => this.stopWork());
    else if (outcome?.kind === 'value' || this.hasEmitted) this.stopWork();
  }

  private stopWork(): void {
    this.inner?.unsubscribe();
    this.endWork();
    // Unsubscribed while `subscribe` is still on the stack: the subscription is there one microtask later.
    if (this.inner === undefined) queueMicrotask(() => this.inner?.unsubscribe());
  }

  private released(): void {
    try {
      if (this.state === 'waiting' && this.abandoned === 'no') this.holding.skipped();
    } catch (error) {
      return this.fail(error);
    }
    this.conclude(this.state === 'waiting' || this.abandoned !== 'no');
  }

  private failed(error: unknown): void | Promise<void> {
    if (this.state !== 'waiting') return this.fail(error);
    if (this.abandoned !== 'no') return this.conclude(true);
    return Promise.resolve(this.holding.refused(error)).then(
      (refusal) => this.fail(refusal),
      (failure: unknown) => this.fail(failure),
    );
  }

  /** Nest takes the last value of what answers once, so that there must be one; a stream may be empty. */
  private conclude(needsValue: boolean): void {
    this.state = 'over';
    if (needsValue && !this.hasEmitted && this.http?.isSse !== true) this.subscriber.next(undefined);
    this.subscriber.complete();
  }

  private fail(error: unknown): void {
    this.state = 'over';
    this.subscriber.error(error);
  }
}
