import { statementsOfMessage } from '../split/split-statements.js';
import {
  CHECK_CONSTRAINTS,
  HAS_WRITTEN,
  RELEASE_SAVEPOINT,
  ROLLBACK_TO_SAVEPOINT,
  SAVEPOINT,
} from '../../sql/rollback-session.js';
import type { Statement } from '../../sql/statement.js';
import { transactionControl, type TransactionControl } from './transaction-control.js';

/** What a COMMIT does in place of committing. */
const KEEP = [CHECK_CONSTRAINTS, HAS_WRITTEN, RELEASE_SAVEPOINT] as const;
/** An answer and no work. */
const NOTHING: Statement = { text: '' };

/** What stands for a statement of the tool that controls transactions; the savepoint is there before and behind it. @internal */
export function inPlaceOf({ kind }: TransactionControl): readonly Statement[] {
  if (kind === 'commit') return [...KEEP, SAVEPOINT];
  return kind === 'rollback' ? [ROLLBACK_TO_SAVEPOINT] : [NOTHING];
}

/** What ends work outside of the tool's transactions. @internal */
export function endOfWork(failed: boolean): readonly Statement[] {
  return failed ? [ROLLBACK_TO_SAVEPOINT, RELEASE_SAVEPOINT] : KEEP;
}

/** The statements of a text that controls transactions; undefined for one that does not. @internal */
export function partsOfControl(sql: string): readonly string[] | undefined {
  // What the server cannot read to its end it refuses, before it runs anything.
  const parts = statementsOfMessage(sql) ?? [];
  return parts.some((one) => transactionControl(one, 'I') !== undefined) ? parts : undefined;
}
