import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { PgLockConfigurationError } from '../../errors/pg-lock-configuration.error.js';
import { runtimeProperty } from '../decorators/wrap-method.js';
import { isScheduled, METADATA, type AnyFunction } from '../nest-metadata.js';
import { RunRegistry } from '../run-registry.js';
import { MethodBridge } from '../method-bridge/method-bridge.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import { callerOf, type Caller } from './callers.js';
import { checkedMethods, labelOf, marked, type CheckedMethod } from './checked-method.js';
import { createdBy } from './created-classes.js';
import { DefaultIds } from './default-ids.js';
import { ExternalContexts } from './external-contexts.js';
import { GlobalEnhancersOfOurs } from './global-enhancers.js';
import { GraphqlFields } from './graphql-fields.js';
import { HookOrder } from './hook-order.js';
import { checkJobOptions } from './job-options-check.js';
import { LazyModules } from './lazy-modules.js';
import { guardLockParameters } from './lock-parameters.js';
import { checkOverride } from './overrides.js';
import { assertNoSaga } from './sagas.js';
import { checkSameIdTwice } from './same-id-twice.js';
import { isTrusted } from './trust.js';

/**
 * Sees to it at boot that nothing decorated runs unlocked: what Nest will not run through enhancers is bridged, or refused.
 *
 * Before all hooks every class is looked through, and what can be bridged is. With the last hook, when every library has asked
 * for the contexts that it calls handlers by, what is left over is refused.
 *
 * @internal
 */
@Injectable()
export class EnhancerCheck {
  private readonly unknown: CheckedMethod[] = [];
  private readonly classes = new Map<AnyFunction, { readonly on: CheckedMethod; reached: boolean }>();
  private readonly ids = new DefaultIds();
  private readonly seen = new Set<unknown>();
  private hasBooted = false;

  constructor(
    private readonly modules: ModulesContainer,
    private readonly order: HookOrder,
    private readonly contexts: ExternalContexts,
    private readonly fields: GraphqlFields,
    private readonly global: GlobalEnhancersOfOurs,
    private readonly bridge: MethodBridge,
    private readonly runs: RunRegistry,
    lazy: LazyModules,
  ) {
    order.firstOnModuleInit(async () => {
      await this.checkNew();
      lazy.afterEachLoad(() => this.checkLoaded());
    });
    order.lastOnApplicationBootstrap(() => this.refuseUnknown());
  }

  /** Modules that were not there at the last check. */
  private async checkNew(): Promise<void> {
    for (const { metatype } of this.modules.values()) this.ids.lookAt(metatype);
    for (const module of this.modules.values()) {
      if (this.seen.has(module)) continue;
      this.seen.add(module);
      for (const { wrapper, isController } of createdBy(module))
        if (isController || !this.isDouble(wrapper))
          for (const checked of checkedMethods(wrapper, isController)) await this.check(checked);
    }
  }

  /** No contexts are asked for of what was loaded lazily: what is unknown stays so. */
  private async checkLoaded(): Promise<void> {
    await this.checkNew();
    if (this.hasBooted) this.refuseUnknown();
  }

  /** A test's stand-in for a provider, which runs instead of it and locks nothing. */
  private isDouble(wrapper: CheckedMethod['wrapper']): boolean {
    const { token, metatype, isNotMetatype, isFactory } = wrapper as typeof wrapper & { isFactory: boolean };
    if (!this.order.isTest || typeof token !== 'function' || token === metatype) return false;
    return isNotMetatype ? !isFactory : true;
  }

  private async check(checked: CheckedMethod): Promise<void> {
    assertNotOnProperty(checked);
    assertInjected(checked);
    assertConstructed(checked);
    assertNoSaga(checked);
    const caller = this.callerOf(checked);
    const runs = caller.enhancers === 'run' || caller.enhancers === 'bridged';
    const own = [...checked.onClass, ...checked.onMethod];
    const around = runs ? [...this.globalFor(checked, caller), ...own] : [];
    this.ids.check(checked, [...(runs ? around : checked.onMethod), ...checked.wrappers]);
    checkSameIdTwice(checked, around);
    checkJobOptions(checked);
    if (runs) checkOverride(checked);
    if (caller.enhancers === 'none' && own.length > 0) throw refused(checked, () => caller.why);
    if (caller.enhancers === 'bridged') await this.bridge.bind(checked, caller.type);
    guardLockParameters(checked, caller);
    this.noteReach(checked, runs);
    if (caller.enhancers === 'unknown' && checked.onMethod.length > 0) this.unknown.push(checked);
  }

  /** What is global is around handlers only, never around what others call. */
  private globalFor({ method }: CheckedMethod, { enhancers }: Caller): readonly EnhancerInfo[] {
    return enhancers === 'run' && !isScheduled(method) ? this.global.list() : [];
  }

  private callerOf(checked: CheckedMethod): Caller {
    return isTrusted(checked, this.runs.trusted) ? { enhancers: 'run' } : callerOf(checked);
  }

  /** An enhancer on a class must reach at least one method of it. */
  private noteReach(checked: CheckedMethod, runs: boolean): void {
    if (checked.onClass.length === 0) return;
    const before = this.classes.get(checked.host);
    this.classes.set(checked.host, { on: before?.on ?? checked, reached: runs || before?.reached === true });
  }

  private refuseUnknown(): void {
    this.hasBooted = true;
    for (const checked of this.unknown.splice(0)) this.assertRun(checked, checked.onMethod);
    for (const [host, { on, reached }] of this.classes)
      if (!reached && !this.isReachedOutside(on)) throw unreachable(host, on.onClass);
  }

  private isReachedOutside({ prototype, wrapper, isController }: CheckedMethod): boolean {
    return checkedMethods(wrapper, isController).some(({ name }) =>
      this.contexts.runs(prototype, name, 'interceptors'),
    );
  }

  private assertRun(checked: CheckedMethod, infos: readonly EnhancerInfo[]): void {
    const isField = Reflect.hasMetadata(METADATA.resolvedField, checked.method);
    for (const { isGuard } of infos)
      if (!this.isRun(checked, isField, isGuard ? 'guards' : 'interceptors'))
        throw refused(checked, isField ? FIELD : NOT_RUN);
  }

  private isRun({ prototype, name, wrapper }: CheckedMethod, isField: boolean, kind: Kind): boolean {
    if (this.contexts.runs(prototype, name, kind)) return true;
    return isField && !wrapper.isDependencyTreeStatic() && this.fields.runs(kind);
  }
}

type Kind = 'guards' | 'interceptors';

type Reason = (instead: string) => string;

const NOT_RUN: Reason = (instead) =>
  `Nest does not call it through interceptors and guards. Use ${instead}, which works however the method is called, or ` +
  'name its caller in PgLockModule.forRoot({ handlers: { trust: […] } }) if that runs enhancers by itself';
const FIELD: Reason = (instead) =>
  "GraphQL runs enhancers on fields only where GraphQLModule.forRoot({ fieldResolverEnhancers: ['interceptors', 'guards'] }) " +
  `says so. Say so, or use ${instead}`;

/** What does the same on any method. */
function insteadOf(info: EnhancerInfo | undefined): string {
  if (info?.decorator === 'LockTimeout' || info?.decorator === 'Prioritize')
    return `@With${info.decorator} (as @WithAdvisoryLock for locks)`;
  return '@WithAdvisoryLock';
}

function refused(checked: CheckedMethod, why: Reason): PgLockConfigurationError {
  const [info] = [...checked.onMethod, ...checked.onClass];
  return new PgLockConfigurationError(
    `PgLockModule: ${info?.decorator ?? 'the lock'} on '${labelOf(checked)}' would never run: ${why(insteadOf(info))}.`,
  );
}

function unreachable(host: AnyFunction, [info]: readonly EnhancerInfo[]): PgLockConfigurationError {
  return new PgLockConfigurationError(
    `PgLockModule: ${info?.decorator ?? 'a lock'} on the class '${host.name}' reaches none of its methods: ${NOT_RUN(insteadOf(info))}.`,
  );
}

/** On a property, such as an arrow function, Nest's decorators leave their word with the prototype, where it is not read. */
function assertNotOnProperty({ prototype, host }: CheckedMethod): void {
  const own = [METADATA.guards, METADATA.interceptors].some((key) => Reflect.hasOwnMetadata(key, prototype));
  const [info] = own ? marked(prototype) : [];
  if (info === undefined) return;
  throw new PgLockConfigurationError(
    `PgLockModule: ${info.decorator} stands on a property of '${host.name}', such as an arrow function, which Nest never calls ` +
      'through interceptors. Write it as a method.',
  );
}

/** What a factory made was injected nothing: its `@With…` methods would find no database. */
function assertInjected(checked: CheckedMethod): void {
  const instance = checked.wrapper.instance as Readonly<Record<symbol, unknown>> | null | undefined;
  if (!checked.wrapper.isNotMetatype || instance === null || instance === undefined) return;
  for (const { decorator, connection } of checked.wrappers)
    if (instance[runtimeProperty(connection)] === undefined)
      throw new PgLockConfigurationError(
        `PgLockModule: @${decorator} on '${labelOf(checked)}' has no database, since its instance comes from a factory or a value, ` +
          'where Nest injects nothing: list the class itself as a provider (useClass).',
      );
}

/** The scheduler calls the jobs of transient providers on an object whose constructor has never run. */
function assertConstructed(checked: CheckedMethod): void {
  const { wrapper, method, onClass, onMethod, wrappers } = checked;
  const [info] = [...onMethod, ...wrappers, ...onClass];
  if (info === undefined || !wrapper.isTransient || !isScheduled(method)) return;
  throw new PgLockConfigurationError(
    `PgLockModule: ${info.decorator} on '${labelOf(checked)}', a job of a transient provider: the scheduler calls it on an object ` +
      'that was never constructed. Make the provider a singleton.',
  );
}
