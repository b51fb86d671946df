import type { PgActivity } from '../../inspection/pg-activity.js';
import { sessionAge } from '../../inspection/session-age.js';
import { stateText, statementOf, whoText } from '../render/lock-columns.js';
import { spanText } from '../../vocabulary/span-text.js';
import { cut } from '../render/width.js';

const MOST = 5;

/** What is asked before a signal: who it is that would get it, and what each does. @internal */
export function questionLines(
  action: 'cancel' | 'terminate',
  sessions: readonly PgActivity[],
  columns: number,
): string[] {
  const shown = sessions
    .slice(0, MOST)
    .flatMap((session) => [
      cut(sessionText(session), columns),
      ...(statementOf(session) === '' ? [] : [cut(`    ${statementOf(session)}`, columns)]),
    ]);
  const more = sessions.length > MOST ? [`and ${sessions.length - MOST} more`] : [];
  const pids = sessions.map(({ pid }) => pid).join(', ');
  const verb = action === 'cancel' ? 'Cancel what is run by' : 'Terminate';
  return [
    ...shown,
    ...more,
    cut(`${verb} backend${sessions.length === 1 ? '' : 's'} ${pids}? (y/n)`, columns),
  ];
}

/** `16971 (api, app) idle in transaction for 5m12s`. @internal */
export function sessionText(session: PgActivity): string {
  const age = sessionAge(session);
  const who = whoText(session);
  return [
    who === '' ? String(session.pid) : `${session.pid} (${who})`,
    stateText(session),
    age === null ? '' : `for ${spanText(age)}`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}
