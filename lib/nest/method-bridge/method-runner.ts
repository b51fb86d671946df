import type { CallHandler, CanActivate, ExecutionContext, NestInterceptor, Type } from '@nestjs/common';
import { defer, from, isObservable, lastValueFrom, mergeAll, type Observable } from 'rxjs';
import { HandlerObservation } from '../context/handler-outcome.js';
import { withLockArguments } from '../current-lock.js';
import type { JobInvocation } from '../../jobs/job-definition.js';
import { isWrapped, wrappersOf } from '../decorators/wrap-method.js';
import type { EnhancerInfo } from '../enhancer-mark.js';
import type { AnyFunction } from '../nest-metadata.js';
import {
  resolveEnhancer,
  type EnhancerSource,
  type Host,
  type JobEnhancers,
} from '../schedule-bridge/job-enhancers.js';
import { ScheduleContext } from '../schedule-bridge/schedule-context.js';

/** One method of one instance, and how its context is called. @internal */
export interface BridgedMethod {
  readonly instance: object;
  readonly name: string;
  readonly method: AnyFunction;
  readonly type: string;
  /** Of a job: the lock that keeps its ticks apart. */
  readonly tickLock?: EnhancerInfo | undefined;
  /** Told when a guard refuses. */
  readonly onRefused?: () => void;
}

/** Runs a method as Nest runs a handler: guards first, then interceptors around it. @internal */
export class MethodRunner {
  private constructor(
    private readonly target: BridgedMethod,
    private readonly guards: readonly EnhancerSource<CanActivate>[],
    private readonly interceptors: readonly EnhancerSource<NestInterceptor>[],
  ) {}

  /** Finds the enhancers; rejects when one cannot be created, which stops the boot. */
  static async create(target: BridgedMethod, enhancers: JobEnhancers, host: Host): Promise<MethodRunner> {
    const guards = enhancers.guards.map((guard) => resolveEnhancer<CanActivate>(guard, host));
    const interceptors = enhancers.interceptors.map((found) => resolveEnhancer<NestInterceptor>(found, host));
    return new MethodRunner(target, await Promise.all(guards), await Promise.all(interceptors));
  }

  /** Rejects with what the method, a guard or an interceptor threw; resolves to nothing where a guard only said no. */
  async run(args: unknown[], invocation?: JobInvocation): Promise<unknown> {
    const { instance, method, type, tickLock } = this.target;
    const host = instance.constructor as Type;
    const context = new ScheduleContext(host, method, args, type, invocation, tickLock);
    if (!(await this.isAllowed(context))) {
      this.target.onRefused?.();
      return undefined;
    }
    const interceptors = await Promise.all(this.interceptors.map(async (source) => source()));
    return lastValueFrom(this.chain(interceptors, context, args), { defaultValue: undefined });
  }

  private async isAllowed(context: ExecutionContext): Promise<boolean> {
    for (const source of this.guards) {
      const verdict = await (await source()).canActivate(context);
      if (!(isObservable(verdict) ? await lastValueFrom(verdict) : verdict)) return false;
    }
    return true;
  }

  private chain(
    interceptors: readonly NestInterceptor[],
    context: ExecutionContext,
    args: unknown[],
  ): Observable<unknown> {
    const [first, ...rest] = interceptors;
    if (first === undefined)
      return defer(() => this.callMethod(args, (context as ScheduleContext).invocation));
    const next: CallHandler = { handle: () => this.chain(rest, context, args) };
    return defer(async () => first.intercept(context, next)).pipe(mergeAll());
  }

  private callMethod(args: unknown[], invocation: JobInvocation | undefined): Observable<unknown> {
    const { instance, name, method } = this.target;
    const observation = HandlerObservation.of(method);
    // A decorated method finds its arguments by itself, once it has its lock.
    const isLocking = wrappersOf(method).some((info) => info.lock !== undefined);
    if (!isLocking) invocation?.began();
    const given = isWrapped(method) ? args : withLockArguments(instance, name, args);
    const result = Reflect.apply(method, instance, given);
    observation?.note(result);
    return isObservable(result) ? result : from(Promise.resolve(result));
  }
}
