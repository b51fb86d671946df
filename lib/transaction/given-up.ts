import { statementText } from '../sql/statement-text.js';
import { replaceMethod } from '../vocabulary/replaced-method.js';

type Query = (this: unknown, ...args: unknown[]) => unknown;

const COMMENTS = String.raw`^(?:\s|--[^\n]*\n|/\*[\s\S]*?\*/)*`;
const ENDS = new RegExp(String.raw`${COMMENTS}(?:commit|rollback|end|abort|prepare\s+transaction)\b`, 'i');

/** Finds the `pg` client that sends a marked statement. @returns a function that stops looking. @internal */
export type FindSender = (mark: string, found: (client: object) => void) => () => void;

/**
 * Tells when a `pg` client is handed the end of its transaction, or of a part of it, while a statement of ours still runs:
 * it would stand in the queue until that has its lock. So does Prisma when a transaction's `timeout` is over, and any
 * client whose work rejects while a call of the library waits.
 *
 * @returns a function that listens no more.
 * @internal
 */
export function watchEnding(client: object, gaveUp: () => void): () => void {
  let isOver = false;
  const putBack = replaceMethod(
    client as { query: Query },
    'query',
    (query) =>
      function (...args) {
        if (!isOver && ENDS.test(statementText(args[0]))) gaveUp();
        return query.apply(this, args);
      },
  );
  return () => {
    isOver = true;
    putBack();
  };
}
