import { Option, type Command } from 'commander';
import { several, whereOptions, type RegisterCommand } from '../command.js';
import type { RunFlags } from './run.js';

const EXAMPLES = `
Examples:
  $ pglock run --id migrate -- npx knex migrate:latest
  $ pglock run --prioritize --lock-timeout 5s -- psql -f migration.sql

The command's own exit code is returned; 1 when the lock was not acquired in
time, 4 when the command ended with 0 but its lock was lost while it ran.`;

/** `pglock run -- COMMAND…`. @internal */
export const registerRun: RegisterCommand = ({ program, io, done }) => {
  whereOptions(
    program.command('run').description('run a command under a lock, or with its blockers terminated'),
  )
    .argument('<command...>', 'what to run, after --')
    .option('--id <id>', 'hold this advisory lock while the command runs; repeatable', several)
    .option('-t, --timeout <duration>', 'how long to wait for the lock; 0 tries once (default: no limit)')
    .addOption(
      new Option('--on-lost <what>', 'when the lock is lost: go on and exit with 4, or stop the command')
        .choices(['go-on', 'stop'])
        .default('go-on'),
    )
    .option('--lock-timeout <duration>', "the command's lock_timeout")
    .option('--prioritize', 'terminate the sessions that block the command')
    .option('--interval <duration>', 'how often to look for blockers', '1s')
    .addOption(
      new Option('--cancel', 'cancel blockers instead of terminating them').implies({ prioritize: true }),
    )
    .option('--dry-run', 'report which sessions would be signalled, and signal none')
    .addHelpText('after', EXAMPLES)
    .action(async (words: string[], _: unknown, command: Command) => {
      const { run } = await import('./run.js');
      done(await run(io, words, command.optsWithGlobals<RunFlags>()));
    });
};
