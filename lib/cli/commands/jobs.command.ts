import type { Command } from 'commander';
import { whereOptions, type RegisterCommand } from '../command.js';
import type { FleetListingFlags } from './fleet-listing.js';
import type { JobsInitFlags } from './jobs.js';

const EXAMPLES = `
Examples:
  $ pglock jobs                     every job: holder, last run, next tick
  $ pglock jobs --json | jq '.[] | select(.missed > 0)'
  $ pglock jobs init --print        the tables of the ledger, as SQL`;

/** @internal */
export const registerJobs: RegisterCommand = ({ program, io, done }) => {
  const command = whereOptions(
    program.command('jobs').description('the scheduled jobs of all replicas: holder, last and next tick'),
  )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (_: unknown, self: Command) => {
      const { jobs } = await import('./jobs.js');
      done(await jobs(io, self.optsWithGlobals<FleetListingFlags>()));
    });
  whereOptions(command.command('init').description('creates the tables of the ledger'))
    .option('--print', 'print the SQL without connecting')
    .option('--table <table>', 'the table of the last runs (pglock_jobs)')
    .option('--keep', 'also the table of all runs')
    .action(async (_: unknown, self: Command) => {
      const { jobsInit } = await import('./jobs.js');
      done(await jobsInit(io, self.optsWithGlobals<JobsInitFlags>()));
    });
};
