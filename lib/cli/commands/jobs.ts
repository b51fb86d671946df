import type { JobStatus } from '../../jobs/job-status.js';
import { DEFAULT_LEDGER_TABLE, isTableName, ledgerDdl, ledgerGrants } from '../../sql/jobs-ledger.js';
import { oneLine } from '../../vocabulary/one-line.js';
import { spanText } from '../../vocabulary/span-text.js';
import type { ChosenDatabase } from '../database.js';
import { CliError, EXIT, lineOf } from '../exit.js';
import { print, say, type Io } from '../io.js';
import { readSettings, type WhereToLook } from '../open-inspection.js';
import type { TextColumn } from '../render/text-table.js';
import { fleetListing, type FleetListingFlags } from './fleet-listing.js';
import { connectedTo } from './with-core.js';

/** The options of `pglock jobs init` as they are typed. @internal */
export interface JobsInitFlags extends WhereToLook {
  readonly print?: boolean;
  readonly table?: string;
  readonly keep?: boolean;
}

/** `pglock jobs`: the jobs of all replicas that answer. @returns the exit code. @internal */
export async function jobs(io: Io, flags: FleetListingFlags): Promise<number> {
  return fleetListing(io, flags, {
    columns: COLUMNS,
    none: 'No replica with jobs has answered.',
    find: (core) => core.jobs.find(),
  });
}

/** `pglock jobs init`: makes the tables of the ledger, or prints what would. @returns the exit code. @internal */
export async function jobsInit(io: Io, flags: JobsInitFlags): Promise<number> {
  const { table = DEFAULT_LEDGER_TABLE, keep = false } = flags;
  if (!isTableName(table))
    throw new CliError(EXIT.usage, `--table must be a table such as ops.pglock_jobs; got ${oneLine(table)}.`);
  const statements = ledgerDdl(table, keep);
  if (flags.print) {
    const grants = ledgerGrants(table, keep).map((grant) => `-- ${grant};`);
    print(io, [
      ...statements.map((statement) => `${statement};`),
      '-- The role of the application needs:',
      ...grants,
    ]);
    return EXIT.done;
  }
  const { database } = await readSettings(io, flags);
  await onConnection(database, async (run) => {
    for (const statement of statements) await run(statement);
  });
  say(
    io,
    `The ledger is there: ${table}${keep ? `, ${table}_runs` : ''}. The role of the application needs:`,
  );
  for (const grant of ledgerGrants(table, keep)) say(io, `  ${grant};`);
  return EXIT.done;
}

/** With the search path of the role: where a table without a schema is made is its matter. */
async function onConnection(
  database: ChosenDatabase,
  work: (run: (text: string) => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const client = await connectedTo(database);
  try {
    await work((text) => client.query(text));
  } catch (error) {
    throw new CliError(EXIT.refused, `The ledger was not made: ${lineOf(error)}`, { cause: error });
  } finally {
    await client.end();
  }
}

const COLUMNS: readonly TextColumn<JobStatus>[] = [
  ['job', ({ name }) => name],
  ['schedule', ({ schedule }) => schedule ?? ''],
  [
    'next',
    ({ nextTick }, now) => (nextTick === null ? '' : `in ${spanText(Math.max(0, nextTick.getTime() - now))}`),
  ],
  ['holder', ({ holder }) => (holder === null ? '' : `${holder.replica} (${holder.pid})`)],
  ['last tick', ({ lastTick }, now) => (lastTick === null ? '' : ago(lastTick, now))],
  ['last run', (job, now) => lastRunText(job, now)],
  ['missed', ({ missed }) => (missed === 0 ? '' : String(missed))],
];

function lastRunText({ lastRun, running }: JobStatus, now: number): string {
  if (lastRun === null) return '';
  const { outcome, duration, error, late, startedAt } = lastRun;
  if (running || outcome === null) return `running for ${spanText(Math.max(0, now - startedAt.getTime()))}`;
  const took = duration === null ? '' : ` in ${spanText(duration)}`;
  const lateness = late < 1_000 ? '' : `, ${spanText(late)} late`;
  return `${outcome}${took}${lateness}${error === null ? '' : `: ${error}`}`;
}

function ago(date: Date, now: number): string {
  return `${spanText(Math.max(0, now - date.getTime()))} ago`;
}
