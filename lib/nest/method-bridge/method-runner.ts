import type { CallHandler, CanActivate, ExecutionContext, NestInterceptor, Type } from '@nestjs/common';
import { defer, from, isObservable, lastValueFrom, mergeAll, type Observable } from 'rxjs';
import { HandlerObservation } from '../context/handler-outcome.js';
import { withLockArguments } from '../current-lock.js';
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
  async run(args: unknown[]): Promise<unknown> {
    const { instance, method, type } = this.target;
    const context = new ScheduleContext(instance.constructor as Type, method, args, type);
    if (!(await this.isAllowed(context))) return undefined;
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
    if (first === undefined) return defer(() => this.callMethod(args));
    const next: CallHandler = { handle: () => this.chain(rest, context, args) };
    return defer(async () => first.intercept(context, next)).pipe(mergeAll());
  }

  private callMethod(args: unknown[]): Observable<unknown> {
    const { instance, name, method } = this.target;
    const observation = HandlerObservation.of(method);
    const result = Reflect.apply(method, instance, withLockArguments(instance, name, args));
    observation?.note(result);
    return isObservable(result) ? result : from(Promise.resolve(result));
  }
}
