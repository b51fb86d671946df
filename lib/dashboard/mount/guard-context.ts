import type { ExecutionContext, Type } from '@nestjs/common';

/** What guards of the application are given before the page is shown. @internal */
export class GuardContext implements ExecutionContext {
  constructor(
    private readonly host: Type,
    private readonly request: object,
    private readonly response: object,
  ) {}

  getClass<Class>(): Type<Class> {
    return this.host as Type<Class>;
  }

  /** Carries no metadata: nothing that a guard reads from a handler is meant for the page. */
  getHandler(): (...args: never[]) => unknown {
    return dashboard;
  }

  getArgs: ExecutionContext['getArgs'] = () => [this.request, this.response, nothing] as never;

  getArgByIndex: ExecutionContext['getArgByIndex'] = (index) =>
    [this.request, this.response, nothing][index] as never;

  getType: ExecutionContext['getType'] = () => 'http' as never;

  switchToHttp(): ReturnType<ExecutionContext['switchToHttp']> {
    return {
      getRequest: () => this.request as never,
      getResponse: () => this.response as never,
      getNext: () => nothing as never,
    };
  }

  switchToRpc(): ReturnType<ExecutionContext['switchToRpc']> {
    return { getData: () => this.request as never, getContext: () => this.response as never };
  }

  switchToWs(): ReturnType<ExecutionContext['switchToWs']> {
    return {
      getClient: () => this.request as never,
      getData: () => this.response as never,
      getPattern: nothing,
    };
  }
}

function dashboard(): void {}

function nothing(): never {
  return undefined as never;
}
