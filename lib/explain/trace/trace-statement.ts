import { commandOf } from '../split/sql-words.js';
import { isDataStatement, selectsInto, statementKind, type StatementKind } from '../split/statement-kind.js';

/** How the tracer treats a statement. @internal */
export interface TracedKind {
  readonly kind: StatementKind;
  /** DDL: looked at always, and wrapped in a transaction where it stands alone. */
  readonly isDdl: boolean;
  /** May be looked at in a transaction of the tool. */
  readonly isLookedAt: boolean;
  /** What it did cannot be looked at: it may begin and end transactions of its own. */
  readonly isSampled: boolean;
  /** Takes a snapshot by itself, so that ours comes not before the first of the transaction. */
  readonly takesSnapshot: boolean;
  /** Locks no relation. */
  readonly isHarmless: boolean;
  /** Reads or changes rows, and no relation. */
  readonly isData: boolean;
}

const DDL =
  /^(CREATE|ALTER|DROP|TRUNCATE|COMMENT|GRANT|REVOKE|REINDEX|CLUSTER|REFRESH|ANALYZE|ANALYSE|SECURITY|IMPORT|REASSIGN)\b/;
/** They mean something only where they stand, or nothing for locks. */
const PLAIN =
  /^(SET|RESET|SHOW|SAVEPOINT|RELEASE|ROLLBACK|DECLARE|LISTEN|UNLISTEN|NOTIFY|PREPARE|DEALLOCATE|DISCARD|LOAD|CHECKPOINT|FETCH|MOVE|CLOSE|EXPLAIN)\b/;
const CHANGES = /^(INSERT|UPDATE|DELETE|MERGE|WITH)\b/;
/** They lock no relation. */
const HARMLESS =
  /^(SET|RESET|SHOW|SAVEPOINT|RELEASE|LISTEN|UNLISTEN|NOTIFY|DEALLOCATE|DISCARD|LOAD|CHECKPOINT|CLOSE)\b/;

/** @internal */
export function tracedKind(sql: string): TracedKind {
  const kind = statementKind(sql);
  const command = commandOf(sql);
  const plain = kind === 'plain' || kind === 'perhaps';
  const makesTable = selectsInto(sql);
  const isDdl = plain && (makesTable || DDL.test(command));
  const isCopy = /^COPY\b/.test(command);
  const isData = isCopy || (!makesTable && isDataStatement(sql));
  const isSampled = /^(DO|CALL)\b/.test(command);
  const other = plain && !PLAIN.test(command) && !isData;
  return {
    kind,
    isDdl,
    isSampled,
    isLookedAt: isDdl || isSampled || other || CHANGES.test(command),
    takesSnapshot: !/^(LOCK|SET)\b/.test(command),
    isHarmless: ['begin', 'commit', 'rollback'].includes(kind) || (plain && HARMLESS.test(command)),
    isData,
  };
}
