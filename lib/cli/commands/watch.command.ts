import type { Command } from 'commander';
import { whereOptions, type RegisterCommand } from '../command.js';
import type { WatchFlags } from './watch.js';

const EXAMPLES = `
Keys: arrows choose, space marks, e expands, v changes the view, s sorts, / filters,
c cancels, t terminates, p pauses, ? explains, q quits.`;

/** `pglock watch`. @internal */
export const registerWatch: RegisterCommand = ({ program, io, done }) => {
  whereOptions(program.command('watch').description('looks again and again, on the whole screen'))
    .option('-n, --interval <duration>', 'how often', '2s')
    .addHelpText('after', EXAMPLES)
    .action(async (_: unknown, command: Command) => {
      const { watch } = await import('./watch.js');
      done(await watch(io, command.optsWithGlobals<WatchFlags>()));
    });
};
