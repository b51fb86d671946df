import { HttpException } from '@nestjs/common';

/**
 * The answer to a request whose lock another caller holds: 423, or the module's `httpStatus`. HTTP adds `Retry-After`;
 * GraphQL shows `extensions.code`. Names no lock id, since ids may tell what clients should not know; `cause` has all.
 *
 * @publicApi
 */
export class LockedException extends HttpException {
  /** What GraphQL servers put beside the message. */
  readonly extensions = {
    /** `lock_not_available`. */
    code: '55P03',
  } as const;

  constructor(
    status: number,
    options?: ErrorOptions,
    body: object = { statusCode: status, message: MESSAGE, error: 'Locked' },
  ) {
    super(body, status, options);
  }
}

/** What clients read, on every transport. @internal */
export const MESSAGE = 'The resource is locked by another request. Try again later.';
