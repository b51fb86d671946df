import { HttpException, HttpStatus } from '@nestjs/common';
import type { HttpExchange } from '../context/http-exchange.js';

/**
 * Makes the answer of a handler that was skipped an empty 204.
 *
 * @throws {HttpException} of status 204, for Nest's filters to answer with, where the handler would have answered by
 *   itself (`@Res()`), by a template or by a redirect: what Nest did with `undefined` there would be no answer.
 * @internal
 */
export function emptyAnswer(http: HttpExchange): void {
  if (!http.isAnsweredByNest) throw new HttpException('', HttpStatus.NO_CONTENT);
  http.setStatus(HttpStatus.NO_CONTENT);
}
