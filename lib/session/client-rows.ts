import type { ClientBase } from 'pg';
import { UnreadableAnswerError } from '../errors/unreadable-answer.error.js';
import { decodedAnswer, encodedAnswer } from '../sql/answer.js';
import type { Statement } from '../sql/statement.js';
import { AS_TEXT } from './text-types.js';

/**
 * The rows of a query on a client of the application, whatever parsers and wrappers that has.
 *
 * @throws {UnreadableAnswerError} when something between changed the answer.
 * @internal
 */
export async function clientRows<Row extends object>(
  client: ClientBase,
  statement: Statement,
): Promise<readonly Row[]> {
  const { text, values = [] } = encodedAnswer(statement, 'text and refcursor');
  const answer: unknown = await client.query({ text, values: [...values], types: AS_TEXT });
  const rows = decodedAnswer(answer);
  if (rows !== undefined) return rows as readonly Row[];
  throw new UnreadableAnswerError(
    'PostgreSQL\'s answer to a statement of nestjs-pglock came back through pg without its value. The likely cause is a replacement of `query` on the client or the pool: let the value of the column "pglock" through there.',
  );
}
