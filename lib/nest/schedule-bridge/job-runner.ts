import {
  Logger,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type NestInterceptor,
  type Type,
} from '@nestjs/common';
import { defer, from, isObservable, lastValueFrom, mergeAll, type Observable } from 'rxjs';
import { HandlerObservation } from '../context/handler-outcome.js';
import { withLockArguments } from '../current-lock.js';
import type { AnyFunction } from '../nest-metadata.js';
import type { RunRegistry } from '../run-registry.js';
import { resolveEnhancer, type EnhancerSource, type Host, type JobEnhancers } from './job-enhancers.js';
import { ScheduleContext } from './schedule-context.js';

/** A job: one scheduled method of one instance. @internal */
export interface Job {
  readonly instance: object;
  readonly name: string;
  readonly method: AnyFunction;
}

/** Runs one job as Nest runs a handler: guards first, then interceptors around the method. @internal */
export class JobRunner {
  private readonly logger = new Logger('PgLock');

  private constructor(
    private readonly job: Job,
    private readonly guards: readonly EnhancerSource<CanActivate>[],
    private readonly interceptors: readonly EnhancerSource<NestInterceptor>[],
    private readonly runs: RunRegistry,
  ) {}

  /** Finds the enhancers; rejects when one cannot be had, which stops the boot. */
  static async create(job: Job, enhancers: JobEnhancers, host: Host, runs: RunRegistry): Promise<JobRunner> {
    const guards = enhancers.guards.map((guard) => resolveEnhancer<CanActivate>(guard, host));
    const interceptors = enhancers.interceptors.map((found) => resolveEnhancer<NestInterceptor>(found, host));
    return new JobRunner(job, await Promise.all(guards), await Promise.all(interceptors), runs);
  }

  /** Rejects with what the job, a guard or an interceptor threw, for the scheduler to log. Does nothing during shutdown. */
  run(args: unknown[]): Promise<unknown> {
    if (this.runs.stopping) return Promise.resolve(undefined);
    const running = this.runNow(args).catch((error: unknown) => {
      // Its wait was refused by the shutdown: nothing ran, and nobody needs to know.
      if (this.runs.stopping && !this.working) return undefined;
      throw error;
    });
    this.runs.addJob(running);
    return running;
  }

  private working = false;

  private async runNow(args: unknown[]): Promise<unknown> {
    const { instance, method } = this.job;
    const context = new ScheduleContext(instance.constructor as Type, method, args);
    if (!(await this.isAllowed(context))) {
      this.logger.debug(`${instance.constructor.name}.${this.job.name} was skipped: a guard refused.`);
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
    interceptors: NestInterceptor[],
    context: ExecutionContext,
    args: unknown[],
  ): Observable<unknown> {
    const [first, ...rest] = interceptors;
    if (first === undefined) return defer(() => this.callMethod(args));
    const next: CallHandler = { handle: () => this.chain(rest, context, args) };
    return defer(async () => first.intercept(context, next)).pipe(mergeAll());
  }

  private callMethod(args: unknown[]): Observable<unknown> {
    const { instance, name, method } = this.job;
    const observation = HandlerObservation.of(method);
    this.working = true;
    const result = Reflect.apply(method, instance, withLockArguments(instance, name, args));
    observation?.note(result);
    return isObservable(result) ? result : from(Promise.resolve(result));
  }
}
