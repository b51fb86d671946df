import { lookAtOwnSession } from '../../sql/explain-look.js';
import { begin, COMMIT, ROLLBACK } from '../../sql/transaction.js';
import { byte, int32, message, WIRE } from './wire-message.js';

/** What the tracer itself asks on the tool's session. @internal */
export type OwnStatement = 'begin' | 'commit' | 'rollback' | 'look' | 'lookAll' | 'isolation';

/** Which prepared statement each is. */
const PREPARED: Readonly<Record<OwnStatement, { readonly name: string; readonly text: string }>> = {
  begin: { name: 'pglock_explain_begin', text: begin({}).text },
  commit: { name: 'pglock_explain_commit', text: COMMIT.text },
  rollback: { name: 'pglock_explain_rollback', text: ROLLBACK.text },
  look: lookAtOwnSession(false),
  lookAll: lookAtOwnSession(true),
  isolation: { name: 'pglock_explain_isolation', text: 'SHOW default_transaction_isolation' },
};
const PORTAL = 'pglock_explain';

/** The name under which a statement is prepared. @internal */
export function nameOf(statement: OwnStatement): string {
  return PREPARED[statement].name;
}

/**
 * The messages that run one of our statements, by the extended protocol and under names of our own: a simple query would
 * destroy the unnamed statement of the tool.
 *
 * @internal
 */
export function ownMessages(
  statement: OwnStatement,
  isPrepared: boolean,
): { readonly type: number; readonly bytes: Buffer }[] {
  const { name, text } = PREPARED[statement];
  return [
    // Closing what is not there is no error; preparing what is there is one.
    ...(isPrepared
      ? []
      : [
          { type: WIRE.close, bytes: message(WIRE.close, byte('S'), name) },
          { type: WIRE.parse, bytes: message(WIRE.parse, name, text, 0) },
        ]),
    { type: WIRE.bind, bytes: message(WIRE.bind, PORTAL, name, 0, 0, 0) },
    { type: WIRE.execute, bytes: message(WIRE.execute, PORTAL, int32(0)) },
    { type: WIRE.close, bytes: message(WIRE.close, byte('P'), PORTAL) },
  ];
}
