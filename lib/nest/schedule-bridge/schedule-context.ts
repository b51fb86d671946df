import type { ExecutionContext, Type } from '@nestjs/common';
import type { JobInvocation } from '../../jobs/job-definition.js';
import type { EnhancerInfo } from '../enhancer-mark.js';

const MARK = Symbol.for('nestjs-pglock:schedule-context');

/** The context of one run of a bridged method, by default of a job: what guards, interceptors and functions of ours are given. @internal */
export class ScheduleContext implements ExecutionContext {
  readonly [MARK] = true;

  constructor(
    private readonly host: Type,
    private readonly handler: (...args: never[]) => unknown,
    private readonly args: unknown[],
    private readonly type = 'schedule',
    /** Of a job: the run that is on its way. */
    readonly invocation?: JobInvocation,
    /** Of a job: the lock that keeps its ticks apart; undefined where it has none. */
    readonly tickLock?: EnhancerInfo,
  ) {}

  /** The context as one of these, also where another copy of the library made it; undefined where Nest did. */
  static of(context: ExecutionContext): ScheduleContext | undefined {
    return MARK in context ? (context as ScheduleContext) : undefined;
  }

  getClass<Class>(): Type<Class> {
    return this.host as Type<Class>;
  }

  getHandler(): (...args: never[]) => unknown {
    return this.handler;
  }

  getArgs: ExecutionContext['getArgs'] = () => this.args as never;

  getArgByIndex: ExecutionContext['getArgByIndex'] = (index) => this.args[index] as never;

  getType: ExecutionContext['getType'] = () => this.type as never;

  /** Interceptors that only know HTTP find no request there, and no response. */
  switchToHttp(): ReturnType<ExecutionContext['switchToHttp']> {
    return { getRequest: nothing, getResponse: nothing, getNext: nothing };
  }

  switchToRpc(): ReturnType<ExecutionContext['switchToRpc']> {
    return { getData: nothing, getContext: nothing };
  }

  switchToWs(): ReturnType<ExecutionContext['switchToWs']> {
    return { getClient: nothing, getData: nothing, getPattern: nothing };
  }
}

function nothing(): never {
  return undefined as never;
}
