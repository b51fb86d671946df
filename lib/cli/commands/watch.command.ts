import type { Command } from 'commander';
import { whereOptions, type RegisterCommand } from '../command.js';
import type { WatchFlags } from './watch.js';

const EXAMPLES = `
Keys: arrows select, space marks, e expands, v changes the view, s sorts,
/ filters, c cancels, t terminates, p pauses, ? explains, q quits.`;

/** `pglock watch`. @internal */
export const registerWatch: RegisterCommand = ({ program, io, done }) => {
  whereOptions(
    program.command('watch').description('locks, blockers and the tree on the full screen, refreshed'),
  )
    .option('-n, --interval <duration>', 'how often to refresh', '2s')
    .addHelpText('after', EXAMPLES)
    .action(async (_: unknown, command: Command) => {
      const { watch } = await import('./watch.js');
      done(await watch(io, command.optsWithGlobals<WatchFlags>()));
    });
};
