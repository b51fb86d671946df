import type { Command } from 'commander';
import { whereOptions, type RegisterCommand } from '../command.js';
import type { FleetListingFlags } from './fleet-listing.js';

const EXAMPLES = `
Examples:
  $ pglock leaders                  every leader: since when, and who stands by
  $ pglock leaders --json | jq '.[] | select(.leader == null)'`;

/** @internal */
export const registerLeaders: RegisterCommand = ({ program, io, done }) => {
  whereOptions(
    program
      .command('leaders')
      .description('the leaders: since when, in which term, and how many replicas stand by'),
  )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (_: unknown, self: Command) => {
      const { leaders } = await import('./leaders.js');
      done(await leaders(io, self.optsWithGlobals<FleetListingFlags>()));
    });
};
