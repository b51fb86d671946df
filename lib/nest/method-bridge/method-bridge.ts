import { Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { PgLockConfigurationError } from '../../errors/pg-lock-configuration.error.js';
import { labelOf, type CheckedMethod } from '../boot-check/checked-method.js';
import { HandlerObservation } from '../context/handler-outcome.js';
import { impersonate, type AnyFunction } from '../nest-metadata.js';
import { RunRegistry } from '../run-registry.js';
import { enhancersOf } from '../schedule-bridge/job-enhancers.js';
import { MethodRunner } from './method-runner.js';

/**
 * Makes enhancers work on methods that others call on the instance, without Nest's enhancers: `@OnEvent` listeners, BullMQ's
 * processors, CQRS handlers, nest-commander's commands.
 *
 * Each instance gets a method of its own in front of its class's, before any other hook of the boot runs, so that what reads
 * the method finds the one that locks. The shutdown waits for what it runs.
 *
 * @internal
 */
@Injectable()
export class MethodBridge {
  constructor(
    private readonly runs: RunRegistry,
    private readonly application: ModulesContainer,
  ) {}

  /** @throws {PgLockConfigurationError} when the instance cannot be given the method: nothing decorated runs unlocked. */
  async bind(checked: CheckedMethod, type: string): Promise<void> {
    const { wrapper, prototype, name, method } = checked;
    const instance = wrapper.instance as unknown;
    const enhancers = enhancersOf(prototype, method);
    if (enhancers === undefined || wrapper.isAlias) return;
    if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient) throw cannotBind(checked, SCOPED);
    if (typeof instance !== 'object' || instance === null || wrapper.host === undefined)
      throw cannotBind(checked, 'Nest has no instance of it');
    const found = (instance as Readonly<Record<string, unknown>>)[name];
    // Bridged already, of another wrapper or by another copy of the library in this application.
    if (applicationOf(found) === this.application) return;
    if (found !== method) throw cannotBind(checked, 'something replaced the method on the instance');
    const target = { instance, name, method, type };
    const runner = await MethodRunner.create(target, enhancers, wrapper.host);
    if (!Object.isExtensible(instance)) throw cannotBind(checked, 'its instance is frozen or sealed');
    const value = this.inFrontOf(method, runner);
    Object.defineProperty(instance, name, { configurable: true, writable: true, enumerable: false, value });
  }

  private inFrontOf(method: AnyFunction, runner: MethodRunner): AnyFunction {
    const { runs } = this;
    function underLock(this: unknown, ...args: unknown[]): unknown {
      // A method that Nest calls as a handler, too, has its interceptors around it already.
      if (HandlerObservation.of(underLock) !== undefined) return Reflect.apply(method, this, args);
      const running = runner.run(args);
      runs.addJob(running);
      return running;
    }
    impersonate(underLock, method);
    Object.defineProperty(underLock, BRIDGED, { value: this.application });
    return underLock;
  }
}

/** For which application a method was put in front of that of its class. */
const BRIDGED = Symbol.for('nestjs-pglock:bridged');

function applicationOf(found: unknown): unknown {
  return typeof found === 'function' ? (found as { readonly [BRIDGED]?: unknown })[BRIDGED] : undefined;
}

const SCOPED =
  'it is request-scoped or transient, so that each call gets another instance. Use @WithAdvisoryLock on the method';

function cannotBind(checked: CheckedMethod, why: string): PgLockConfigurationError {
  return new PgLockConfigurationError(
    `PgLockModule: '${labelOf(checked)}' carries a lock that cannot be bound to it: ${why}.`,
  );
}
