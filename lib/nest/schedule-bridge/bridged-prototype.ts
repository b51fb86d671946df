import { HandlerObservation } from '../context/handler-outcome.js';
import { impersonate, METADATA, type AnyFunction } from '../nest-metadata.js';
import { processWide } from '../../vocabulary/process-wide.js';
import { methodOf } from './job-enhancers.js';
import { markStandIn, originalOf } from './stand-in.js';

/** Runs a bridged method of one instance. @internal */
export interface BridgedRun {
  /** The application that it was made for; undefined once that has closed. */
  readonly application: object | undefined;
  run(args: unknown[]): Promise<unknown>;
}

interface Patch {
  users: number;
  readonly before: PropertyDescriptor | undefined;
}

interface BridgeState {
  /** Whose method runs how; filled while an application boots, before its scheduler starts. */
  readonly runners: WeakMap<object, Map<string, BridgedRun>>;
  /** Which prototypes are patched, and for how many applications that boot at this moment. */
  readonly patches: WeakMap<object, Map<string, Patch>>;
}

/** One for the process, also when the library is loaded twice: whichever copy patched, all must find the runners. */
const state = processWide<BridgeState>('schedule-bridge:1', () => ({
  runners: new WeakMap(),
  patches: new WeakMap(),
}));

/**
 * Puts a stand-in for a scheduled method on a leaf prototype, for the scheduler to find. Counted: several applications may
 * boot at once, and the last one puts the method back.
 *
 * @internal
 */
export function patchMethod(prototype: object, name: string): void {
  const patches = mapIn(state.patches, prototype);
  const existing = patches.get(name);
  if (existing !== undefined) {
    existing.users += 1;
    return;
  }
  const before = Object.getOwnPropertyDescriptor(prototype, name);
  const original = originalOf(methodOf(prototype, name));
  patches.set(name, { users: 1, before });
  Object.defineProperty(prototype, name, {
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? false,
    value: standInFor(original, name),
  });
}

/** Takes the stand-in away again, when no other module needs it. @internal */
export function unpatchMethod(prototype: object, name: string): void {
  const patches = mapIn(state.patches, prototype);
  const patch = patches.get(name);
  if (patch === undefined || --patch.users > 0) return;
  patches.delete(name);
  if (patch.before === undefined) Reflect.deleteProperty(prototype, name);
  else Object.defineProperty(prototype, name, patch.before);
}

/** The runners of an instance, by the names of its methods. @internal */
export function runnersOf(instance: object): Map<string, BridgedRun> {
  return mapIn(state.runners, instance);
}

function standInFor(original: AnyFunction, name: string): AnyFunction {
  function standIn(this: unknown, ...args: unknown[]): unknown {
    const runner = typeof this === 'object' && this !== null ? state.runners.get(this)?.get(name) : undefined;
    // Without a runner no scheduler calls: it is a plain call, in a unit test or while the application boots. And a method
    // that is a handler too has its interceptors around it already.
    const isPlainCall = runner === undefined || HandlerObservation.of(standIn) !== undefined;
    return isPlainCall ? Reflect.apply(original, this, args) : runner.run(args);
  }
  impersonate(standIn, original);
  markCron(standIn);
  markStandIn(standIn, original);
  return standIn;
}

/**
 * Plants a function in the options of `@Cron`, which the scheduler hands on to its `CronJob`: by its `onComplete` the job of a
 * stand-in is found in the registry, whatever its name.
 */
function markCron(standIn: AnyFunction): void {
  const options = Reflect.getMetadata(METADATA.cronOptions, standIn) as { onComplete?: unknown } | undefined;
  if (options === undefined) return;
  const onComplete = options.onComplete ?? (() => undefined);
  Reflect.defineMetadata(METADATA.cronOptions, { ...options, onComplete }, standIn);
}

/** What marks the cron jobs of a stand-in. @internal */
export function cronMarkOf(standIn: object): unknown {
  return (Reflect.getMetadata(METADATA.cronOptions, standIn) as { onComplete?: unknown } | undefined)
    ?.onComplete;
}

function mapIn<Value>(maps: WeakMap<object, Map<string, Value>>, key: object): Map<string, Value> {
  const existing = maps.get(key);
  if (existing !== undefined) return existing;
  const created = new Map<string, Value>();
  maps.set(key, created);
  return created;
}
