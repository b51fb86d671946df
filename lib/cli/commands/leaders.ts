import type { LeaderStatus } from '../../leadership/leader-status.js';
import { spanText } from '../../vocabulary/span-text.js';
import { EXIT } from '../exit.js';
import { print, printJson, say, type Io } from '../io.js';
import type { WhereToLook } from '../open-inspection.js';
import { textTable, type TextColumn } from '../render/text-table.js';
import { withCore } from './with-core.js';

/** The options of `pglock leaders` as they are typed. @internal */
export interface LeadersFlags extends WhereToLook {
  readonly json?: boolean;
}

const COLUMNS: readonly TextColumn<LeaderStatus>[] = [
  ['name', ({ name }) => name],
  ['leader', ({ leader }) => (leader === null ? '(none)' : leader.applicationName || '(unnamed)')],
  ['host', ({ leader }) => leader?.host ?? ''],
  ['pid', ({ leader }) => (leader === null ? '' : String(leader.pid))],
  ['for', ({ leader }, now) => (leader === null ? '' : spanText(Math.max(0, now - leader.since.getTime())))],
  ['term', ({ leader }) => (leader === null ? '' : String(leader.term))],
  ['standing by', ({ standingBy }) => String(standingBy)],
];

/** `pglock leaders`: who leads what, of all replicas that answer. @returns the exit code. @internal */
export async function leaders(io: Io, flags: LeadersFlags): Promise<number> {
  return withCore(io, flags, async (core) => {
    const found = await core.leaders.find();
    if (flags.json) printJson(io, found);
    else if (found.length === 0) say(io, 'No replica that leads or stands by has answered.');
    else print(io, textTable(COLUMNS, found, io));
    return EXIT.done;
  });
}
