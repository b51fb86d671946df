import { Option, type Command } from 'commander';
import { listed, several, whereOptions, type RegisterCommand } from '../command.js';
import type { ListFlags } from './list-options.js';

const EXAMPLES = `
Examples:
  $ pglock                                who holds and waits, blockers first
  $ pglock -o users -f granted=false      who waits for table users
  $ pglock -f 'activity.duration>=5s' -e  everything about long statements
  $ pglock --id billing.close             who holds an advisory lock
  $ pglock --blocking                     who blocks whom
  $ pglock --blocking --terminate         terminate the blockers; asks first
  $ pglock 4711 --cancel --yes            cancel its statement without asking
  $ pglock --json | jq '.[].activity.query'

Filters are ATTRIBUTE, one of = != > >= < <= ~ (LIKE) !~, and a value.
Exit codes: 0 done, 1 refused or nothing to signal, 2 wrong usage,
3 cannot connect, 4 the lock was lost (run).`;

/** `pglock [pids…]`. @internal */
export const registerList: RegisterCommand = ({ program, io, done }) => {
  options(program)
    .argument('[pids...]', 'only locks of these backends')
    .addHelpText('after', EXAMPLES)
    .action(async (pids: string[], flags: ListFlags) => {
      const { list } = await import('./list.js');
      done(await list(io, pids, flags));
    });
};

function options(command: Command): Command {
  return whereOptions(command)
    .option('-f, --filter <filter>', "such as 'activity.duration>=5s'; repeatable, all must hold", several)
    .option('-o, --on <table>', 'locks on this table; repeatable', several)
    .option('--id <id>', 'this advisory lock: a text, 42, 0x2a, or a pair 1,2; repeatable', several)
    .option('-a, --attribute <path>', 'show this column; repeatable, or separated by commas', listed)
    .option('-s, --sort <path>', 'sort by this; prefix - for descending order; repeatable', listed)
    .option('-l, --limit <count>', 'the maximum number of rows (25)')
    .option('-e, --expanded', 'all attributes, one per line')
    .option('-A, --all', "include each session's locks on its own transaction id")
    .option('--blocking', 'list blocked sessions and blockers; signals go to blockers')
    .option('--all-databases', 'all databases of the server')
    .addOption(new Option('--cancel', 'cancel the statements of the sessions').conflicts('terminate'))
    .addOption(new Option('--terminate', 'terminate the sessions').conflicts('cancel'))
    .option('-y, --yes', 'do not ask for confirmation')
    .option('--dry-run', 'show which sessions would be signalled, and signal none')
    .option('--json', 'print JSON');
}
