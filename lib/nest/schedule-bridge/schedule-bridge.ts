import {
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { DiscoveryService, ModuleRef, ModulesContainer } from '@nestjs/core';
import { PgLockConfigurationError } from '../../errors/pg-lock-configuration.error.js';
import { RunRegistry } from '../run-registry.js';
import { cronMarkOf, patchMethod, runnersOf, unpatchMethod, type BridgedRun } from './bridged-prototype.js';
import { getLockRuntimeToken, type LockRuntime } from '../lock-runtime.js';
import { MethodRunner } from '../method-bridge/method-runner.js';
import { SchedulerTimers } from '../scheduler-timers.js';
import { enhancersOf, jobNames, locksByItself, methodOf, type Host, type Wrapper } from './job-enhancers.js';
import { JobRunner, refusedBy } from './job-runner.js';
import { boundJob, plannedJob } from './scheduled-job.js';
import { isStandIn, originalOf } from './stand-in.js';

/**
 * Makes enhancers work on `@Cron`, `@Interval` and `@Timeout` methods, which `@nestjs/schedule` calls without them: it reads
 * `instance[method]` in its `onModuleInit` and calls what it found there.
 *
 * Whatever the order of imports: the *constructor* runs when all modules are scanned and no hook has run, and puts stand-ins on
 * the prototypes; *onModuleInit* binds every instance to its enhancers, or stops the boot; in *onApplicationBootstrap* the
 * scheduler has what it needs, and the prototypes get their methods back. A decorated job never runs unlocked.
 *
 * @internal
 */
@Injectable()
export class ScheduleBridge implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private patched: { readonly prototype: object; readonly name: string }[] = [];
  private readonly bound: { readonly instance: object; readonly name: string }[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly runs: RunRegistry,
    private readonly timers: SchedulerTimers,
    private readonly application: ModulesContainer,
  ) {
    for (const prototype of new Set(this.wrappers().flatMap(prototypesOf)))
      for (const name of jobNames(prototype)) this.patch(prototype, name);
  }

  async onModuleInit(): Promise<void> {
    // Aliases have the instance of another provider, whose module knows its enhancers better.
    const wrappers = this.wrappers().sort((a, b) => Number(a.isAlias) - Number(b.isAlias));
    for (const wrapper of wrappers) await this.bind(wrapper);
  }

  onApplicationBootstrap(): void {
    this.restore();
  }

  /** Also where the application was never initialized, or its boot failed. */
  beforeApplicationShutdown(): void {
    this.restore();
    for (const { instance, name } of this.bound) runnersOf(instance).set(name, REFUSING);
  }

  private wrappers(): Wrapper[] {
    return [...this.discovery.getControllers(), ...this.discovery.getProviders()];
  }

  private patch(prototype: object, name: string): void {
    patchMethod(prototype, name);
    this.patched.push({ prototype, name });
  }

  private restore(): void {
    for (const { prototype, name } of this.patched) unpatchMethod(prototype, name);
    this.patched = [];
  }

  private async bind(wrapper: Wrapper): Promise<void> {
    const instance = wrapper.instance as unknown;
    if (typeof instance !== 'object' || instance === null) return;
    const prototype = Object.getPrototypeOf(instance) as object | null;
    // What is created per request has no job: the scheduler warns of it.
    if (prototype === null || !wrapper.isDependencyTreeStatic()) return;
    for (const name of jobNames(prototype)) {
      const runners = runnersOf(instance);
      const boundTo = runners.get(name)?.application;
      // Bound already, of another wrapper or by another copy of the library in this application.
      if (boundTo === this.application) continue;
      if (boundTo !== undefined) throw cannotBind(wrapper, name, SHARED);
      const runner = await this.runnerOf(wrapper, instance, prototype, name);
      if (runner === undefined) continue;
      this.bound.push({ instance, name });
      runners.set(name, runner);
    }
  }

  private async runnerOf(
    wrapper: Wrapper,
    instance: object,
    prototype: object,
    name: string,
  ): Promise<BridgedRun | undefined> {
    const found = methodOf(instance, name);
    // It takes its lock by itself, however it is called.
    if (!isStandIn(found) && locksByItself(prototype, found)) return undefined;
    if (!isStandIn(found)) throw cannotBind(wrapper, name, wrapper.isNotMetatype ? FACTORY : REPLACED);
    const method = originalOf(found);
    const enhancers = enhancersOf(prototype, method);
    if (enhancers === undefined || wrapper.host === undefined) throw cannotBind(wrapper, name, REPLACED);
    const label = `${instance.constructor.name}.${name}`;
    const planned = plannedJob(label, method, enhancers);
    const { tickLock } = planned;
    const target = { instance, name, method, type: 'schedule', tickLock, onRefused: refusedBy(label) };
    const methods = await MethodRunner.create(target, enhancers, wrapper.host);
    const runner = new JobRunner({ instance, name, tickLock }, methods, this.runs, this.application);
    const [plan] = planned.plans;
    const mark = cronMarkOf(found);
    if (plan !== undefined) {
      const { core } = this.runtimeOf(wrapper.host, plan.connection);
      runner.bound = boundJob(planned, core, runner, () =>
        mark === undefined ? [] : this.timers.cronJobsMarked(mark),
      );
    }
    return runner;
  }

  private runtimeOf(host: Host, connection: string | undefined): LockRuntime {
    const moduleRef = host.providers.get(ModuleRef)?.instance as ModuleRef;
    return moduleRef.get<LockRuntime>(getLockRuntimeToken(connection), { strict: false });
  }
}

/** Stands where a runner stood before its application closed: a late tick finds nothing to run. */
const REFUSING: BridgedRun = { application: undefined, run: () => Promise.resolve(undefined) };

const FACTORY =
  'its instance comes from a factory, so that its class was not known in time: list the class itself as a provider (useClass)';
const REPLACED =
  'something replaced the method on the instance: remove that, or lock inside the method by pglock.advisory()';
const SHARED = 'its instance belongs to another application of this process too: give each one its own';

/**
 * Prototypes that instances of a provider will have, as far as the provider tells before it is created. What a factory makes may
 * or may not be there already, by chance of the order of imports: it does not count.
 */
function prototypesOf(wrapper: Wrapper): object[] {
  const found: unknown[] = [(wrapper.metatype as { prototype?: unknown } | null)?.prototype];
  const instance = wrapper.instance as unknown;
  if (typeof instance === 'object' && instance !== null && !wrapper.isFactory)
    found.push(Object.getPrototypeOf(instance));
  return found.filter(
    (prototype): prototype is object => typeof prototype === 'object' && prototype !== null,
  );
}

function cannotBind(wrapper: Wrapper, name: string, why: string): PgLockConfigurationError {
  return new PgLockConfigurationError(
    `PgLockModule: the scheduled method '${name}' of provider '${String(wrapper.name)}' carries a lock that cannot be bound to it: ${why}.`,
  );
}
