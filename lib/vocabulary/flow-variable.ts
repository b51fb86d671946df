import { AsyncLocalStorage } from 'node:async_hooks';
import { processWide } from './process-wide.js';

/** One variable's value in a flow, and the others around it; a variable stands in the list once. */
class Binding {
  constructor(
    readonly variable: object,
    readonly value: unknown,
    readonly others: Binding | undefined,
  ) {}

  without(variable: object): Binding | undefined {
    if (this.variable === variable) return this.others;
    const others = this.others?.without(variable);
    return others === this.others ? this : new Binding(this.variable, this.value, others);
  }
}

const bindings = processWide('flows:1', () => new AsyncLocalStorage<Binding>());
const shared = processWide('shared-flow-variables:1', () => new Map<string, FlowVariable<unknown>>());

/** What all variables have in one flow: read once where several of them are asked for. @internal */
export type Flow = Binding | null;

/** The running flow; null outside of every one that has a value of the library's. Each look costs as much as a promise. @internal */
export function currentFlow(): Flow {
  return bindings.getStore() ?? null;
}

/** Runs work, and all that it starts, in a flow: one that is made of several values costs as much to enter as one of a single value. @internal */
export function runInFlow<Args extends unknown[], Result>(
  flow: NonNullable<Flow>,
  work: (...args: Args) => Result,
  ...args: Args
): Result {
  return bindings.run(flow, work, ...args);
}

/**
 * A value that follows an async flow, as an `AsyncLocalStorage` has it. All of the library's share one storage: where Node
 * keeps storages by async hooks (before 24), every promise of the process is given the value of each storage in use.
 *
 * @see https://nodejs.org/docs/latest/api/async_context.html
 * @internal
 */
export class FlowVariable<Value> {
  /** The one variable of this name, for all copies of the library in the process. */
  static shared<Value>(name: string): FlowVariable<Value> {
    const variable = shared.get(name) ?? new FlowVariable<unknown>();
    shared.set(name, variable);
    return variable as FlowVariable<Value>;
  }

  /** The value in the running flow, or in the one that is given; undefined outside of `run`. */
  getStore(flow = currentFlow()): Value | undefined {
    let binding = flow ?? undefined;
    while (binding !== undefined && binding.variable !== this) binding = binding.others;
    return binding?.value as Value | undefined;
  }

  /** Runs work, and all that it starts, with this value. */
  run<Args extends unknown[], Result>(value: Value, work: (...args: Args) => Result, ...args: Args): Result {
    return runInFlow(this.with(value, currentFlow()), work, ...args);
  }

  /** A flow that has this value as well. */
  with(value: Value, flow: Flow): NonNullable<Flow> {
    return new Binding(this, value, flow?.without(this));
  }

  /**
   * From now on the running flow, and all that it starts, has this value and no other of the library's; `undefined` leaves none.
   * For where a flow begins that is not the library's to run, such as a request.
   */
  begin(value: Value | undefined): void {
    bindings.enterWith((value === undefined ? undefined : new Binding(this, value, undefined)) as Binding);
  }
}

/**
 * Runs work, and all that it starts, outside of every flow: no {@link FlowVariable} has a value there.
 *
 * For whatever the library does in the background (timers, heartbeats, connections, events): begun within a flow, it would
 * belong to that flow for good, with its locks, its transaction and its timeouts.
 *
 * @internal
 */
export function outsideFlows<Args extends unknown[], Result>(
  work: (...args: Args) => Result,
  ...args: Args
): Result {
  if (bindings.getStore() === undefined) return work(...args);
  return bindings.run(undefined as unknown as Binding, work, ...args);
}
