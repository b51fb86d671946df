import type { CallHandler, ExecutionContext } from '@nestjs/common';
import { EMPTY, from, NEVER, Observable, Subject, throwError, type Subscription } from 'rxjs';
import { whileHeld, type Held, type Holding } from '../../../lib/nest/interceptors/held-handler.js';
import { currentFlow, runInFlow } from '../../../lib/vocabulary/flow-variable.js';
import { RunRegistry } from '../../../lib/nest/run-registry.js';
import { deferred } from '../../support/waiting.js';
import { onAbort } from '../../../lib/vocabulary/wait-abort.js';

/** A handler's context that is none of HTTP's. */
function contextOf(handler: () => unknown): ExecutionContext {
  return {
    getType: () => 'rpc',
    getHandler: () => handler,
    getClass: () => Object,
    switchToRpc: () => ({ getContext: () => undefined }),
  } as unknown as ExecutionContext;
}

/** What happened, in its order. */
function call(handler: () => unknown, holding: Partial<Holding> = {}) {
  const events: string[] = [];
  const runs = new RunRegistry();
  const acquiring = deferred<Held | undefined>();
  const releasing = deferred();
  const held: Held = {
    enter: (work, within) => {
      events.push('enter');
      if (within === undefined) work();
      else runInFlow(within(currentFlow()), work);
    },
    leave: () => {
      events.push('leave');
      return releasing.promise;
    },
  };
  const all: Holding = {
    take: (abort) => {
      onAbort(abort, () => events.push('cancelled'));
      return acquiring.promise;
    },
    refused: (error) => error,
    skipped: () => void events.push('skipped'),
    ...holding,
  };
  // Nest calls handlers by `apply`, and gives interceptors an Observable of whatever they return.
  const next: CallHandler = {
    handle: () =>
      new Observable((subscriber) => {
        const result: unknown = handler.apply(undefined);
        const inner = result instanceof Observable ? result : from(Promise.resolve(result));
        return inner.subscribe(subscriber);
      }),
  };
  const subscription: Subscription = whileHeld(contextOf(handler), next, all, runs).subscribe({
    next: (value) => events.push(`next ${String(value)}`),
    error: (error: Error) => events.push(`error ${error.message}`),
    complete: () => events.push('complete'),
  });
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { events, runs, held, acquiring, releasing, subscription, settled };
}

describe('a call of a handler under a lock', () => {
  it('runs the handler once the lock is acquired, and tells of its end once it is released', async () => {
    const { events, acquiring, releasing, held, settled } = call(() => 42);
    await settled();
    expect(events).toEqual([]);
    acquiring.resolve(held);
    await settled();
    expect(events).toEqual(['enter', 'next 42', 'leave']);
    releasing.resolve();
    await settled();
    expect(events).toEqual(['enter', 'next 42', 'leave', 'complete']);
  });

  it('passes an error on behind the release', async () => {
    const { events, acquiring, releasing, held, settled } = call(() => throwError(() => new Error('no')));
    acquiring.resolve(held);
    releasing.resolve();
    await settled();
    expect(events).toEqual(['enter', 'leave', 'error no']);
  });

  it('answers with nothing where it is skipped', async () => {
    const { events, acquiring, settled } = call(() => 42);
    acquiring.resolve(undefined);
    await settled();
    expect(events).toEqual(['skipped', 'next undefined', 'complete']);
  });

  it('fails where the lock is refused', async () => {
    const { events, acquiring, settled } = call(() => 42);
    acquiring.reject(new Error('busy'));
    await settled();
    expect(events).toEqual(['error busy']);
  });

  it('stops waiting when the subscriber leaves, and releases what comes all the same', async () => {
    const { events, acquiring, held, subscription, settled } = call(() => 42);
    subscription.unsubscribe();
    expect(events).toEqual(['cancelled']);
    acquiring.resolve(held);
    await settled();
    expect(events).toEqual(['cancelled', 'leave']);
  });

  it('releases at once when the subscriber leaves an Observable, and unsubscribes from it', async () => {
    let unsubscribed = 0;
    const endless = () => new Observable(() => () => (unsubscribed += 1));
    const { events, acquiring, held, subscription, settled } = call(endless);
    acquiring.resolve(held);
    await settled();
    subscription.unsubscribe();
    expect(unsubscribed).toBe(1);
    expect(events).toEqual(['enter', 'leave']);
  });

  it('unsubscribes from an Observable whose subscriber leaves while it is being subscribed to', async () => {
    let unsubscribed = 0;
    const subscription: { current?: Subscription } = {};
    const handler = () =>
      new Observable((subscriber) => {
        subscriber.next('first');
        subscription.current?.unsubscribe();
        return () => (unsubscribed += 1);
      });
    const running = call(handler);
    subscription.current = running.subscription;
    running.acquiring.resolve(running.held);
    await running.settled();
    expect(unsubscribed).toBe(1);
    expect(running.events).toEqual(['enter', 'next first', 'leave']);
  });

  it('holds on until the promise of a handler settles whose subscriber has left', async () => {
    const work = deferred<string>();
    const { events, acquiring, held, subscription, settled } = call(() => work.promise);
    acquiring.resolve(held);
    await settled();
    subscription.unsubscribe();
    await settled();
    expect(events).toEqual(['enter']);
    work.resolve('done');
    await settled();
    expect(events).toEqual(['enter', 'leave']);
  });

  it('ends an endless stream at shutdown', async () => {
    const { events, runs, acquiring, releasing, held, settled } = call(() => NEVER);
    acquiring.resolve(held);
    releasing.resolve();
    await settled();
    await runs.beforeApplicationShutdown();
    await settled();
    expect(events).toEqual(['enter', 'leave', 'next undefined', 'complete']);
  });

  it('gives the values of an Observable on, as they come', async () => {
    const subject = new Subject<number>();
    const { events, acquiring, releasing, held, settled } = call(() => subject);
    acquiring.resolve(held);
    await settled();
    subject.next(1);
    subject.next(2);
    subject.complete();
    releasing.resolve();
    await settled();
    expect(events).toEqual(['enter', 'next 1', 'next 2', 'leave', 'complete']);
  });

  it('completes an empty Observable as one', async () => {
    const { events, acquiring, releasing, held, settled } = call(() => EMPTY);
    acquiring.resolve(held);
    releasing.resolve();
    await settled();
    expect(events).toEqual(['enter', 'leave', 'complete']);
  });
});
