import type { Command } from 'commander';
import { CliError, EXIT } from '../exit.js';
import { listed, type RegisterCommand } from '../command.js';
import type { ExplainFlags } from '../explain/explain-flags.js';

const EXAMPLES = `
Examples:
  $ pglock explain -d "$SCRATCH_URL" migrations/0042_orders.sql --safe
  $ pglock explain -d "$SCRATCH_URL" --live "$PROD_URL" --fail-on danger 0042.sql
  $ pglock explain -d "$SCRATCH_URL" --rollback -- npx knex migrate:latest

Files are executed in transactions that are rolled back; what a command
commits is kept unless --rollback is given.
Exit codes: 0 done (for a command, its own), 1 a statement failed or --fail-on
found something, 2 wrong usage, 3 cannot connect.`;

/** `pglock explain`. @internal */
export const registerExplain: RegisterCommand = ({ program, io, done }) => {
  program
    .command('explain')
    .description(
      'what a migration locks, rewrites and reads, which statements wait for it, and what would be safer',
    )
    .argument('[files...]', 'SQL files, - for standard input; or -- and a command')
    .option(
      '-d, --database <name-or-url>',
      'where statements are executed (explain.database of pglock.config)',
    )
    .option('--live <name-or-url>', 'a database that is only read: sizes, and conflicting locks')
    .option('--carry-out', 'run and keep what cannot run in a transaction, and what precedes it')
    .option('--rollback', 'commit nothing that the command does')
    .option('--safe', 'print the safer statements for each finding')
    .option('--fail-on <hazards>', 'exit with 1 on these: names, ids, info, warning, danger', listed)
    .option('-y, --yes', 'continue although other clients are connected')
    .option('--markdown', 'print Markdown, for a pull request')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (words: string[], _: unknown, command: Command) => {
      const { explain, explainCommand } = await import('./explain.js');
      const flags = command.optsWithGlobals<ExplainFlags>();
      const behind = wordsBehind(program);
      if (behind !== undefined && behind < words.length)
        throw new CliError(EXIT.usage, 'Give either files, or a command behind --.');
      done(await (behind === undefined ? explain : explainCommand)(io, words, flags));
    });
};

/** How many words stand behind `--`; undefined where there is none. commander does not tell. */
function wordsBehind(program: Command): number | undefined {
  const { rawArgs = [] } = program as Command & { readonly rawArgs?: readonly string[] };
  const at = rawArgs.indexOf('--');
  return at === -1 ? undefined : rawArgs.length - at - 1;
}
