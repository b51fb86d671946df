import type { ExecutionContext, Type } from '@nestjs/common';

/** The context of one run of a job, of type `'schedule'`: what guards, interceptors and functions of ours are given. @internal */
export class ScheduleContext implements ExecutionContext {
  private type = 'schedule';

  constructor(
    private readonly host: Type,
    private readonly handler: (...args: never[]) => unknown,
    private readonly args: unknown[],
  ) {}

  getClass<Class>(): Type<Class> {
    return this.host as Type<Class>;
  }

  getHandler(): (...args: never[]) => unknown {
    return this.handler;
  }

  getArgs<Args extends unknown[]>(): Args {
    return this.args as Args;
  }

  getArgByIndex<Arg>(index: number): Arg {
    return this.args[index] as Arg;
  }

  getType<Kind extends string>(): Kind {
    return this.type as Kind;
  }

  /** Interceptors that only know HTTP find no request there, and no response. */
  switchToHttp(): ReturnType<ExecutionContext['switchToHttp']> {
    const none = <Nothing>(): Nothing => undefined as Nothing;
    return { getRequest: none, getResponse: none, getNext: none };
  }

  switchToRpc(): ReturnType<ExecutionContext['switchToRpc']> {
    const none = <Nothing>(): Nothing => undefined as Nothing;
    return { getData: none, getContext: none };
  }

  switchToWs(): ReturnType<ExecutionContext['switchToWs']> {
    const none = <Nothing>(): Nothing => undefined as Nothing;
    return { getClient: none, getData: none, getPattern: none };
  }
}
