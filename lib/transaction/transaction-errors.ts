import { TransactionStateError } from '../errors/transaction-state.error.js';
import { UnreadableAnswerError } from '../errors/unreadable-answer.error.js';
import { printable } from '../vocabulary/printable.js';
import type { TransactionAdapter } from './transaction-adapter.js';

/** Also where the client itself would not send the statement, as clients do after the end of a transaction. @internal */
export function notOpen(clientName: string, cause: unknown): TransactionStateError {
  return new TransactionStateError(
    `This ${clientName} object is in no open transaction: it never began, or has ended.`,
    { cause },
  );
}

/** What was passed is known to be none any more. @internal */
export function noTransaction(clientName: string): TransactionStateError {
  return new TransactionStateError(
    `This ${clientName} object is in no open transaction: pass the transaction itself, before it ends.`,
  );
}

/** A statement in it has failed. @internal */
export function failedTransaction(clientName: string, cause: unknown): TransactionStateError {
  return new TransactionStateError(
    `The ${clientName} transaction has failed: roll it back (or back to a savepoint) before taking locks.`,
    { cause },
  );
}

/** Its session has died. @internal */
export function deadTransaction(clientName: string, cause: Error): TransactionStateError {
  return new TransactionStateError(
    `The session of this ${clientName} transaction has died, and the transaction with it: ${cause.message}. Begin anew.`,
    { cause },
  );
}

/** What an answer has become on its way through the client is not what the server wrote. @internal */
export function unreadable(adapter: TransactionAdapter, answer: unknown): UnreadableAnswerError {
  const { name, hooks = 'a hook or plugin' } = adapter;
  return new UnreadableAnswerError(
    `PostgreSQL's answer to a statement of nestjs-pglock came back through ${name} as ${printable(answer)}, without its value. The likely cause is ${hooks}: let the value of the column "pglock" through there.`,
  );
}
