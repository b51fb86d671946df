import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { LockNotAvailableError } from '../../errors/lock-not-available.error.js';
import { RunRegistry } from '../run-registry.js';
import { httpException } from './contention-exception.js';

/** The part of Nest's configuration that keeps global filters, asked last to first. */
interface FilterConfig {
  getGlobalFilters(): ExceptionFilter[];
}

/**
 * Answers contention that a handler let through (of `pglock.advisory` or `acquire` inside it) as `AdvisoryLock` does: 423 and
 * `Retry-After`, or 503 during shutdown. The module installs it, as the last of all global filters, so that those of the
 * application come first; `httpStatus: null` switches it off. Other transports answer as they would without it.
 *
 * @publicApi
 */
@Catch(LockNotAvailableError)
export class LockNotAvailableFilter implements ExceptionFilter<LockNotAvailableError> {
  constructor(
    private readonly adapters: HttpAdapterHost,
    private readonly moduleRef: ModuleRef,
    private readonly runs: RunRegistry,
  ) {}

  /** Nest asks the filters that were added last first: ours stands at the beginning. */
  onModuleInit(): void {
    // Nest exports no way to its configuration; without it the filter stays where APP_FILTER has put it.
    const { container } = this.moduleRef as unknown as {
      readonly container?: { readonly applicationConfig?: FilterConfig };
    };
    const filters = container?.applicationConfig?.getGlobalFilters() ?? [];
    const index = filters.indexOf(this);
    if (index > 0) filters.unshift(...filters.splice(index, 1));
  }

  /** Answers over HTTP; elsewhere it leaves the error to the transport. */
  catch(error: LockNotAvailableError, host: ArgumentsHost): void {
    const type = host.getType<string>();
    if (type === 'ws') void throwOverSocket(error, host);
    if (type !== 'http') return;
    const filter = new BaseExceptionFilter(this.adapters.httpAdapter);
    filter.catch(httpException(error, host, this.runs.answering), host);
  }
}

/** What Nest does with an error of a gateway that no filter catches. */
async function throwOverSocket(error: Error, host: ArgumentsHost): Promise<void> {
  const { BaseWsExceptionFilter } = await import('@nestjs/websockets');
  new BaseWsExceptionFilter().catch(error, host);
}
