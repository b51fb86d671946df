import type { Command } from 'commander';
import { whereOptions, type RegisterCommand } from '../command.js';
import type { TreeFlags } from './tree.js';

const EXAMPLES = `
Example:
  $ pglock tree -d reporting`;

/** `pglock tree`. @internal */
export const registerTree: RegisterCommand = ({ program, io, done }) => {
  whereOptions(program.command('tree').description('who blocks whom, roots first'))
    .option('--all-databases', 'all databases of the server')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (_: unknown, command: Command) => {
      const { tree } = await import('./tree.js');
      done(await tree(io, command.optsWithGlobals<TreeFlags>()));
    });
};
