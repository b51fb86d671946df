import { sqlWords } from '../split/sql-words.js';
import { statementKind } from '../split/statement-kind.js';
import type { TransactionStatus } from './server-link.js';

/** A statement that makes or ends a transaction, or says how one is to be. @internal */
export interface TransactionControl {
  readonly kind: 'begin' | 'commit' | 'rollback' | 'prepare' | 'set';
  /** What the server says when it is done. */
  readonly tag: string;
  /** Where the session stands then. */
  readonly after: TransactionStatus;
}

/** @returns undefined for what is no such statement. @internal */
export function transactionControl(sql: string, status: TransactionStatus): TransactionControl | undefined {
  const kind = statementKind(sql);
  const words = sqlWords(sql, 6).map(({ text }) => text);
  if (kind === 'prepare') return { kind, tag: 'PREPARE TRANSACTION', after: 'I' };
  if (kind === 'commit' || kind === 'rollback') {
    const chained = words.includes('chain') && !words.includes('no');
    const undone = kind === 'rollback' || status === 'E';
    return {
      kind: undone ? 'rollback' : 'commit',
      tag: undone ? 'ROLLBACK' : 'COMMIT',
      after: chained ? 'T' : 'I',
    };
  }
  // The server refuses these in a failed transaction.
  if (status === 'E') return undefined;
  if (kind === 'begin')
    return { kind, tag: words[0] === 'start' ? 'START TRANSACTION' : 'BEGIN', after: 'T' };
  const isSet = words[0] === 'set' && words[words[1] === 'local' ? 2 : 1] === 'transaction';
  return isSet ? { kind: 'set', tag: 'SET', after: status } : undefined;
}
