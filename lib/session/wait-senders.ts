import pg from 'pg';
import { statementText } from '../sql/statement-text.js';
import { markWithin } from '../sql/waiting.js';

type Query = (this: object, ...args: unknown[]) => unknown;
type Found = (client: object) => void;

const expected = new Map<string, Found>();
let unpatch: (() => void) | undefined;

/**
 * Finds the `pg` client by which a marked statement leaves, for database clients that do not show their connection. Looks only
 * until it has left.
 *
 * @returns a function that stops looking.
 * @internal
 */
export function findSender(mark: string, found: Found): () => void {
  expected.set(mark, found);
  unpatch ??= listenToAll();
  return () => forget(mark);
}

/** A client, of our pool or another, is handed a statement. @internal */
export function noticeSent(client: object, statement: unknown): void {
  if (expected.size === 0) return;
  const mark = markWithin(statementText(statement));
  const found = mark === undefined ? undefined : expected.get(mark);
  if (mark === undefined || found === undefined) return;
  forget(mark);
  found(client);
}

function forget(mark: string): void {
  expected.delete(mark);
  if (expected.size > 0) return;
  unpatch?.();
  unpatch = undefined;
}

/** Where others have wrapped it meanwhile, it stays, and notices nothing. */
function listenToAll(): () => void {
  const prototype = pg.Client.prototype as unknown as { query: Query };
  const { query } = prototype;
  const listening: Query = function (...args) {
    noticeSent(this, args[0]);
    return query.apply(this, args);
  };
  prototype.query = listening;
  return () => {
    if (prototype.query === listening) prototype.query = query;
  };
}
