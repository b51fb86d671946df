import type { LeaderStatus } from '../../leadership/leader-status.js';
import { spanText } from '../../vocabulary/span-text.js';
import type { Io } from '../io.js';
import type { TextColumn } from '../render/text-table.js';
import { fleetListing, type FleetListingFlags } from './fleet-listing.js';

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
export async function leaders(io: Io, flags: FleetListingFlags): Promise<number> {
  return fleetListing(io, flags, {
    columns: COLUMNS,
    none: 'No replica that leads or stands by has answered.',
    find: (core) => core.leaders.find(),
  });
}
