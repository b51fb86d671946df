import type { Command } from 'commander';
import type { RegisterCommand } from '../command.js';
import type { KeyFlags } from './key.js';

const EXAMPLES = `
Examples:
  $ pglock key billing.close        the key of a text, and the SQL that locks it
  $ pglock key 0x4554a1b2           of a number, also in hexadecimal
  $ pglock key 1074944137,7         of a pair`;

/** `pglock key ID`. @internal */
export const registerKey: RegisterCommand = ({ program, io, done }) => {
  program
    .command('key')
    .description('the key of a lock id: as number, pair and hexadecimal, and the SQL that locks it')
    .argument('<id>', 'a text, a number, or a pair 1,2')
    .option('-d, --database <name>', 'a database of pglock.config: its namespace counts')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    // A pair may begin with a minus.
    .allowUnknownOption()
    .action(async (id: string, _: unknown, command: Command) => {
      if (/^-(?!\d)/.test(id))
        command.error(`error: unknown option '${id}'`, { code: 'commander.unknownOption' });
      const { key } = await import('./key.js');
      done(await key(io, id, command.optsWithGlobals<KeyFlags>()));
    });
};
