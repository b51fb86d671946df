import { AsyncResource } from 'node:async_hooks';
import type { CallHandler, ExecutionContext } from '@nestjs/common';
import { Observable, type Observer, type Subscriber, type Subscription } from 'rxjs';
import type { LockHandle } from '../../locks/lock-handle.js';
import { WaitAbort } from '../../vocabulary/wait-abort.js';
import { onceClientGone, onceGone } from '../context/client-presence.js';
import { HandlerObservation } from '../context/handler-outcome.js';
import { HttpExchange, isStreamingBody } from '../context/http-exchange.js';
import type { Flow } from '../../vocabulary/flow-variable.js';
import { flowWithLock } from '../current-lock.js';
import type { AnyFunction } from '../nest-metadata.js';
import type { Run, RunRegistry } from '../run-registry.js';

/** How a handler failed. @internal */
export interface Failure {
  readonly error: unknown;
}

/** What is held around one call of a handler. @internal */
export interface Held {
  /** The lock, where it is one. */
  readonly lock?: LockHandle;
  /** Runs what leads to the handler's call in a flow that holds it. @param within what else that flow has. */
  enter(work: () => void, within?: (flow: Flow) => NonNullable<Flow>): void;
  /** Releases the lock, once; the caller is told of the handler's end when this has resolved, or of the error that it rejects with. */
  leave(failure?: Failure): Promise<unknown>;
}

/** What is to be held around a handler, and what becomes of the cases in which the handler does not run. @internal */
export interface Holding {
  /** Takes what is to be held; resolves to nothing where the handler is skipped. */
  take(abort: WaitAbort): Promise<Held | undefined>;
  /** The handler is not run: gives its empty answer. */
  skipped(): unknown;
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
    const call = new HeldCall(context, next, holding, subscriber, runs);
    return () => call.unsubscribed();
  });
}

type State = 'waiting' | 'working' | 'sending' | 'leaving' | 'over';

/** Where a call may go from where it is. */
const NEXT: Readonly<Record<State, readonly State[]>> = {
  waiting: ['working', 'leaving', 'over'],
  working: ['sending', 'leaving'],
  sending: ['leaving'],
  leaving: ['over'],
  over: [],
};

/**
 * One call of one handler under what is held for it.
 *
 * | event                                        | waiting        | working                          | sending  | leaving |
 * | -------------------------------------------- | -------------- | -------------------------------- | -------- | ------- |
 * | acquired                                     | working        |                                  |          |         |
 * | acquired, and the caller has left            | leaving        |                                  |          |         |
 * | skipped or refused                           | over           |                                  |          |         |
 * | the handler fails                            |                | leaving                          |          |         |
 * | the handler completes                        |                | leaving; sending while a stream is on its way | | |
 * | the subscriber leaves or the client is gone  | ends the wait  | leaving, for what can be stopped | (stays)  |         |
 * | shutdown                                     | (the database) | leaving, for endless streams     | cuts it  |         |
 * | the response is closed                       |                |                                  | leaving  |         |
 * | released                                     |                |                                  |          | over    |
 *
 * The subscriber is told of the end when the call is over, except for *sending*, where being told is what starts the stream. A
 * promise cannot be stopped, so what it needs is held until it settles.
 */
class HeldCall implements Run, Observer<unknown> {
  place = 0;
  private state: State = 'waiting';
  /** The caller has left; or only Nest still waits for an end. */
  private abandoned: 'no' | 'by subscriber' | 'by client' = 'no';
  private hasEmitted = false;
  private hasStreamingBody = false;
  private held: Held | undefined;
  private inner: Subscription | undefined;
  private readonly waitAbort = new WaitAbort();
  private readonly outer = new AsyncResource('PGLOCK_HANDLER');
  private readonly http: HttpExchange | undefined;
  private readonly observation: HandlerObservation;
  private readonly stopWatching: () => void;

  constructor(
    context: ExecutionContext,
    private readonly handler: CallHandler,
    private readonly holding: Holding,
    private readonly subscriber: Subscriber<unknown>,
    private readonly runs: RunRegistry,
  ) {
    runs.add(this);
    this.http = HttpExchange.of(context);
    this.observation = new HandlerObservation(context.getHandler() as AnyFunction, () => this.endAbandoned());
    const gone = () => this.abandon('by client');
    this.stopWatching =
      this.http === undefined ? onceClientGone(context, gone) : onceGone(this.http.raw, gone);
    holding.take(this.waitAbort).then(
      (held) => this.acquired(held),
      (error: unknown) => this.refused(error),
    );
  }

  /** Also called by rxjs after each regular end. */
  unsubscribed(): void {
    this.abandon('by subscriber');
  }

  /** A waiter is refused by its database; a request and its answer end by themselves. A stream may not. */
  end(): void {
    if (this.state === 'sending') this.http?.raw.destroy();
    else if (this.state === 'working' && (this.http === undefined || this.http.isSse))
      this.abandon('by client');
  }

  /** The handler's Observable emits. */
  next(value: unknown): void {
    this.hasEmitted = true;
    this.hasStreamingBody ||= this.http !== undefined && isStreamingBody(value);
    this.outer.runInAsyncScope(() => this.subscriber.next(value));
    this.endAbandoned();
  }

  /** The handler, or its Observable, fails. */
  error(error: unknown): void {
    this.leave({ error });
  }

  /** The handler's Observable completes. */
  complete(): void {
    const sends =
      this.http !== undefined && (this.hasStreamingBody || this.http.isSending) && !this.http.isSse;
    if (!sends || this.abandoned !== 'no') return this.leave();
    this.to('sending');
    this.outer.runInAsyncScope(() => this.subscriber.complete());
    this.http.onceClosed(() => this.leave());
  }

  private acquired(held: Held | undefined): void {
    this.held = held;
    if (held === undefined) return this.skipped();
    if (this.abandoned !== 'no') return this.leave();
    this.to('working');
    const { lock } = held;
    held.enter(
      () => this.call(),
      (flow) => this.observation.flow(lock === undefined ? flow : flowWithLock(lock, flow)),
    );
  }

  private call(): void {
    try {
      this.inner = this.handler.handle().subscribe(this);
    } catch (error) {
      this.error(error);
    }
  }

  private skipped(): void {
    let empty: unknown;
    try {
      if (this.abandoned === 'no') empty = this.holding.skipped();
    } catch (error) {
      return this.fail(error);
    }
    this.conclude(true, empty);
  }

  private refused(error: unknown): void {
    if (this.abandoned !== 'no') return this.conclude(true);
    Promise.resolve(this.holding.refused(error)).then(
      (refusal) => this.fail(refusal),
      (failure: unknown) => this.fail(failure),
    );
  }

  private abandon(by: 'by subscriber' | 'by client'): void {
    if (this.state === 'over' || this.state === 'sending' || this.abandoned === 'by subscriber') return;
    this.abandoned = by;
    if (this.state === 'waiting')
      this.waitAbort.abort(new Error('The client disconnected while its handler waited for the lock.'));
    else this.endAbandoned();
  }

  /** Ends work whose caller has left as soon as it is known that it can be ended. */
  private endAbandoned(): void {
    if (this.abandoned === 'no' || this.state !== 'working') return;
    const outcome = this.observation.outcome;
    if (outcome?.kind === 'observable') return this.stopWork();
    // Nest still waits for the result: it gets it, though the caller has left.
    if (this.abandoned === 'by client') return;
    if (outcome?.kind === 'promise' && outcome.promise !== undefined) {
      const stop = () => this.stopWork();
      outcome.promise.then(stop, stop);
    } else if (outcome?.kind === 'value' || this.hasEmitted) this.stopWork();
  }

  private stopWork(): void {
    this.inner?.unsubscribe();
    this.leave();
    // Unsubscribed while `subscribe` runs: the subscription is there one microtask later.
    if (this.inner === undefined) queueMicrotask(() => this.inner?.unsubscribe());
  }

  private leave(failure?: Failure): void {
    if (this.held === undefined) return;
    const { held } = this;
    this.held = undefined;
    this.to('leaving');
    held.leave(failure).then(
      () => this.left(failure),
      (error: unknown) => this.left({ error }),
    );
  }

  private left(failure: Failure | undefined): void {
    this.outer.runInAsyncScope(() => {
      if (failure === undefined) this.conclude(this.abandoned !== 'no');
      else this.fail(failure.error);
    });
  }

  /** Nest takes the last value of what answers once, so that there must be one; a stream may be empty. */
  private conclude(needsValue: boolean, empty?: unknown): void {
    this.over();
    if (needsValue && !this.hasEmitted && this.http?.isSse !== true) this.subscriber.next(empty);
    this.subscriber.complete();
  }

  private fail(error: unknown): void {
    this.over();
    this.subscriber.error(error);
  }

  private to(state: State): void {
    if (!NEXT[this.state].includes(state))
      throw new Error(`A handler's call cannot go from ${this.state} to ${state}.`);
    this.state = state;
  }

  private over(): void {
    this.to('over');
    this.stopWatching();
    this.runs.delete(this);
  }
}
