import { Catch, HttpStatus, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { LockedException, LockNotAvailableError } from 'nestjs-pglock';

/** What a service could not lock is 423 for the client, as with the interceptors of the library. */
@Catch(LockNotAvailableError)
export class LockedFilter extends BaseExceptionFilter<LockNotAvailableError> {
  override catch(error: LockNotAvailableError, host: ArgumentsHost): void {
    super.catch(new LockedException(HttpStatus.LOCKED, { cause: error }) as never, host);
  }
}
