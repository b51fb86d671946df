import { isObservable } from 'rxjs';
import type { AnyFunction } from '../nest-metadata.js';
import { FlowVariable, type Flow } from '../../vocabulary/flow-variable.js';

/**
 * What a handler returned: what is unsubscribed must know it. An Observable stops when it is unsubscribed; a promise
 * goes on, so that its lock must be held until it settles.
 *
 * @internal
 */
export type HandlerOutcome =
  | { readonly kind: 'observable' | 'value' }
  /** None of a thenable, since calling its `then` may start its work again. */
  | { readonly kind: 'promise'; readonly promise: Promise<unknown> | undefined };

const observations = FlowVariable.shared<HandlerObservation>('handler-observation');

/**
 * Learns what one call of one handler returns. Nest gives its interceptors an Observable whatever the handler returned,
 * and calls handlers of every kind by `handler.apply(instance, args)`: an own `apply` on the handler sees the result
 * without standing in for the handler itself, whose identity and metadata others rely on.
 *
 * @internal
 */
export class HandlerObservation {
  private seen: HandlerOutcome | undefined;
  private readonly parent = observations.getStore();

  constructor(
    readonly handler: AnyFunction,
    private readonly onOutcome: () => void,
  ) {
    observeCalls(handler);
  }

  /** Undefined while guards, pipes and other interceptors still run before the handler. */
  get outcome(): HandlerOutcome | undefined {
    return this.seen;
  }

  /** A flow for what leads to the handler's call. */
  flow(outer: Flow): NonNullable<Flow> {
    return observations.with(this, outer);
  }

  /** Whether the handler that is being called now is this one, called by Nest rather than by its fellow methods. */
  static of(handler: AnyFunction): HandlerObservation | undefined {
    const observation = observations.getStore();
    return observation?.handler === handler && observation.seen === undefined ? observation : undefined;
  }

  /** Tells what the handler returned to every interceptor of ours around it. */
  note(result: unknown): void {
    this.seen = outcomeOf(result);
    if (this.parent?.handler === this.handler && this.parent.seen === undefined) this.parent.note(result);
    this.onOutcome();
  }
}

function outcomeOf(result: unknown): HandlerOutcome {
  if (isObservable(result)) return { kind: 'observable' };
  if (result instanceof Promise) return { kind: 'promise', promise: result };
  if (typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function')
    return { kind: 'promise', promise: undefined };
  return { kind: 'value' };
}

function observeCalls(handler: AnyFunction): void {
  if (Object.hasOwn(handler, 'apply')) return;
  Object.defineProperty(handler, 'apply', {
    configurable: true,
    value(this: AnyFunction, self: unknown, args: unknown[] | undefined): unknown {
      const observation = HandlerObservation.of(this);
      const result = Reflect.apply(this, self, args ?? []);
      observation?.note(result);
      return result;
    },
  });
}
