import type { PgLockCore } from '../../core/pg-lock-core.js';
import { EXIT } from '../exit.js';
import { print, printJson, say, type Io } from '../io.js';
import type { WhereToLook } from '../open-inspection.js';
import { textTable, type TextColumn } from '../render/text-table.js';
import { withCore } from './with-core.js';

/** The options of a listing of the fleet as they are typed. @internal */
export interface FleetListingFlags extends WhereToLook {
  readonly json?: boolean;
}

/** What all replicas tell of one subject, and how it is shown. @internal */
export interface FleetListing<Row> {
  readonly columns: readonly TextColumn<Row>[];
  /** What is said where nothing was found. */
  readonly none: string;
  readonly find: (core: PgLockCore) => Promise<readonly Row[]>;
}

/** Asks all replicas, and prints what they tell as a table or as JSON. @returns the exit code. @internal */
export async function fleetListing<Row>(
  io: Io,
  flags: FleetListingFlags,
  { columns, none, find }: FleetListing<Row>,
): Promise<number> {
  return withCore(io, flags, async (core) => {
    const found = await find(core);
    if (flags.json) printJson(io, found);
    else if (found.length === 0) say(io, none);
    else print(io, textTable(columns, found, io));
    return EXIT.done;
  });
}
