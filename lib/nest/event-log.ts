import type { Logger } from '@nestjs/common';
import type { PgLockEvents } from '../core/pg-lock-events.js';
import type { BlockerSignalledEvent, PgLockEvent } from '../vocabulary/pg-lock-event.js';

/** Those that are warnings. */
const TYPES = [
  'lockLost',
  'sessionEnded',
  'selfWait',
  'releasedBeforeCommit',
  'blockerSignalled',
  'prioritizeFailed',
  'jobInterrupted',
  'tickMissed',
  'leaderLost',
  'permitsDiffer',
] as const satisfies readonly PgLockEvent['type'][];

/** Writes what happens to one database into Nest's log, as warnings: each is something that an operator may want to know. @internal */
export function logEvents(events: PgLockEvents, logger: Logger, database: string): void {
  const where = database === 'default' ? '' : ` (database '${database}')`;
  const log = (event: Parameters<typeof describe>[0]): void => {
    logger.warn(`${describe(event)}${where}`);
  };
  for (const type of TYPES) events.on(type, log);
  events.on('leaderElected', ({ name, term }) => {
    logger.log(`Leads '${name}' in term ${term}${where}`);
  });
  events.on('leaderResigned', ({ name, term, reason, error }) => {
    const text = `No longer leads '${name}' after term ${term}${where}: ${RESIGNED[reason]}`;
    if (reason === 'failed') logger.error(text, error instanceof Error ? error.stack : String(error));
    else logger.log(text);
  });
}

const RESIGNED = {
  finished: 'its work has ended',
  resigned: 'it was resigned',
  failed: 'its work failed too often',
} as const;

function describe(event: Extract<PgLockEvent, { readonly type: (typeof TYPES)[number] }>): string {
  switch (event.type) {
    case 'lockLost':
      return `Lost a lock: ${event.error.message}`;
    case 'sessionEnded':
      return `A lock session ended, with ${event.locksLost} locks: ${event.error.message}`;
    case 'selfWait':
    case 'releasedBeforeCommit':
      return event.message;
    case 'blockerSignalled':
      return `Session ${event.pid}${ownerOf(event)} blocked prioritized work: ${event.outcome}${because(event)}.`;
    case 'jobInterrupted':
      return (
        `Job ${event.job}: replica ${event.replica} announced the tick of ${event.tick.toISOString()} and never reported its end. ` +
        'The tick counts as run.'
      );
    case 'tickMissed':
      return (
        `Job ${event.job}: the tick of ${event.tick.toISOString()} was missed: no replica could run it within its catchUp of ` +
        `${event.catchUp} ms.`
      );
    case 'permitsDiffer':
      return `Processes give different permits for ${String(event.id)}: ${event.permits.join(' and ')}; the smallest applies.`;
    case 'leaderLost':
      return `Lost the lead of '${event.name}' in term ${event.term}: ${event.error.message}`;
    case 'prioritizeFailed':
      return `Looking for blockers of prioritized work failed: ${event.error.message}`;
  }
}

function ownerOf({ user, applicationName }: BlockerSignalledEvent): string {
  const parts = [
    user === null ? '' : `user ${user}`,
    applicationName ? `application ${applicationName}` : '',
  ];
  const text = parts.filter((part) => part !== '').join(', ');
  return text === '' ? '' : ` of ${text}`;
}

function because({ reason }: BlockerSignalledEvent): string {
  return reason === null ? '' : ` (${reason})`;
}
