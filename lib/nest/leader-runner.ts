import { setTimeout } from 'node:timers';
import {
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { DiscoveryService, ModuleRef } from '@nestjs/core';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { resolveLeadOptions } from '../leadership/lead-options.js';
import type { Leadership } from '../leadership/leadership.js';
import { prototypeOf } from './boot-check/checked-method.js';
import { leaderInfo, type LeaderInfo } from './decorators/leader.decorator.js';
import { getLockRuntimeToken, type LockRuntime } from './lock-runtime.js';
import { methodNames } from './method-names.js';
import { isRoute, isScheduled, type AnyFunction } from './nest-metadata.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A method that is decorated, on an instance of Nest's. */
interface LeaderMethod extends LeaderInfo {
  readonly label: string;
  readonly runtime: LockRuntime;
  readonly call: (leadership: Leadership) => unknown;
}

/**
 * Starts the methods that carry `@Leader` at bootstrap, once all of them can be, and starts them again after they have failed too
 * often: others went first meanwhile.
 *
 * @internal
 */
@Injectable()
export class LeaderRunner implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private methods: readonly LeaderMethod[] = [];
  private readonly pauses = new Set<() => void>();
  private isStopping = false;

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly modules: ModuleRef,
  ) {}

  /** @throws {PgLockConfigurationError} when a decorated method cannot lead. */
  onModuleInit(): void {
    const wrappers = [...this.discovery.getProviders(), ...this.discovery.getControllers()];
    this.methods = wrappers.filter(({ isAlias }) => !isAlias).flatMap((wrapper) => this.methodsOf(wrapper));
    for (const { runtime } of this.methods) runtime.core.leaderMethods++;
  }

  onApplicationBootstrap(): void {
    for (const method of this.methods) void this.run(method);
  }

  beforeApplicationShutdown(): void {
    this.isStopping = true;
    for (const end of this.pauses) end();
  }

  private methodsOf(wrapper: Wrapper): LeaderMethod[] {
    const prototype = prototypeOf(wrapper);
    if (prototype === undefined) return [];
    return methodNames(prototype).flatMap((name) => {
      const info = leaderInfoOf(prototype, name);
      return info === undefined ? [] : [this.bind(wrapper, prototype, name, info)];
    });
  }

  private bind(wrapper: Wrapper, prototype: object, name: string, info: LeaderInfo): LeaderMethod {
    const label = `${prototype.constructor.name}.${name}`;
    if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient)
      throw refused(
        label,
        'it is request-scoped or transient, so that there is no one instance to call it on',
      );
    const method = (prototype as Readonly<Record<string, AnyFunction>>)[name];
    if (method !== undefined && (isScheduled(method) || isRoute(method)))
      throw refused(
        label,
        'it is called by a timer or a request already. Give the leader a method of its own',
      );
    const runtime = this.runtimeOf(label, info);
    if (runtime.core.options.sessions.allowStandby)
      throw refused(label, 'there are no leaders with `sessions.allowStandby`');
    const instance = wrapper.instance as Readonly<Record<string, AnyFunction>>;
    return {
      ...info,
      label,
      runtime,
      call: (leadership) => instance[name]?.(leadership),
    };
  }

  private runtimeOf(label: string, { options: { connection } }: LeaderInfo): LockRuntime {
    const token = getLockRuntimeToken(connection);
    try {
      return this.modules.get<LockRuntime>(token, { strict: false });
    } catch (cause) {
      throw new PgLockConfigurationError(
        `PgLockModule: @Leader on '${label}' needs ${token}, which no module of this application imports.`,
        { cause },
      );
    }
  }

  private async run({ name, options, runtime, call }: LeaderMethod): Promise<void> {
    const { connection: _connection, ...lead } = options;
    for (;;) {
      try {
        await runtime.core.leaders.lead(name, lead, call);
        return;
      } catch {
        if (this.isOver(runtime)) return;
        // told by an event of the module already
        await this.pause(resolveLeadOptions(lead).longestPauseMs * (0.5 + Math.random()));
        if (this.isOver(runtime)) return;
      }
    }
  }

  private isOver({ core }: LockRuntime): boolean {
    return this.isStopping || core.leaders.isClosed;
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.pauses.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.pauses.add(end);
      if (this.isStopping) end();
    });
  }
}

/** @throws {PgLockConfigurationError} when a subclass has another method in the place of one that leads. */
function leaderInfoOf(prototype: object, name: string): LeaderInfo | undefined {
  let overridden = false;
  for (let at = prototype as object | null; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const method: unknown = Object.getOwnPropertyDescriptor(at, name)?.value;
    const info = leaderInfo(method);
    if (info !== undefined && !overridden) return info;
    if (info !== undefined)
      throw refused(
        `${prototype.constructor.name}.${name}`,
        `it overrides one that leads '${info.name}', and does not itself`,
      );
    overridden ||= typeof method === 'function';
  }
  return undefined;
}

function refused(label: string, why: string): PgLockConfigurationError {
  return new PgLockConfigurationError(`PgLockModule: @Leader on '${label}' cannot lead: ${why}.`);
}
