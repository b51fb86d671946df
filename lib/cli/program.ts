import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { ListFlags } from './commands/list-options.js';
import type { RunFlags } from './commands/run.js';
import type { TreeFlags } from './commands/tree.js';
import type { WatchFlags } from './commands/watch.js';
import type { DoctorFlags } from './commands/doctor.js';
import type { Io } from './io.js';

const EXAMPLES = {
  list: `
Examples:
  $ pglock                                         who holds and who waits, the longest wait first
  $ pglock -o users -f granted=false               who waits for table users
  $ pglock -f 'activity.duration>=5s' -e           everything about long statements
  $ pglock --id billing.close                      who holds an advisory lock
  $ pglock --blocking                              who is in the way of whom
  $ pglock --blocking --terminate                  end those who are, after a question
  $ pglock 4711 --cancel --yes                     cancel what backend 4711 runs, without a question
  $ pglock --json | jq '.[].activity.query'

Filters are ATTRIBUTE, one of = != > >= < <= ~ (LIKE) !~, and a value.
Exit codes: 0 done, 1 refused or nothing to signal, 2 wrong usage, 3 cannot connect.`,
  tree: `
Example:
  $ pglock tree -d reporting`,
  watch: `
Keys: arrows choose, space marks, e expands, v changes the view, s sorts, / filters,
c cancels, t terminates, p pauses, q quits.`,
  doctor: `
Example:
  $ pglock doctor --json | jq '.[] | select(.level != "ok")'`,
  run: `
Examples:
  $ pglock run --id migrate -- npx knex migrate:latest
  $ pglock run --prioritize --lock-timeout 5s --id migrate -- psql -f migration.sql

The command's own exit code is returned; 1 when the lock was not had in time.`,
} as const;

/** Several times, or once with commas. */
const several = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];
const listed = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  ...value.split(',').map((part) => part.trim()),
];

/** The command with all its options. Loads what a command needs only when it runs. @internal */
export function buildProgram(io: Io, done: (code: number) => void): Command {
  const program = new Command('pglock')
    .description('Shows who holds PostgreSQL locks, who waits and who is in the way; and clears it.')
    .version(version(), '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => (io.stdout.isTTY ? io.stdout.columns : 100),
    })
    .helpCommand(true)
    .enablePositionalOptions()
    .showSuggestionAfterError();
  listOptions(program)
    .argument('[pids...]', 'only locks of these backends')
    .addHelpText('after', EXAMPLES.list)
    .action(async (pids: string[], flags: ListFlags) => {
      const { list } = await import('./commands/list.js');
      done(await list(io, pids, flags));
    });
  addTree(program, io, done);
  addWatch(program, io, done);
  addDoctor(program, io, done);
  addRun(program, io, done);
  return program;
}

function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}

function whereOptions(command: Command): Command {
  return command
    .option('-d, --database <name-or-url>', 'a database of pglock.config, or a URL')
    .option('-c, --config <name>', 'a saved configuration of pglock.config');
}

function listOptions(command: Command): Command {
  return whereOptions(command)
    .option('-f, --filter <filter>', "such as 'activity.duration>=5s'; repeatable, all must hold", several)
    .option('-o, --on <table>', 'locks on this table; repeatable', several)
    .option('--id <id>', 'this advisory lock: a text, a number, or a pair 1,2; repeatable', several)
    .option('-a, --attribute <path>', 'show this column; repeatable, or with commas', listed)
    .option('-s, --sort <path>', 'sort by this, greatest first with a - before it; repeatable', listed)
    .option('-l, --limit <count>', 'the most rows of a listing (25)')
    .option('-e, --expanded', 'one line an attribute')
    .option('--blocking', 'who is in the way of whom; signals go to those in the way')
    .option('--all-databases', 'all databases of the server')
    .addOption(new Option('--cancel', 'cancel what the sessions run').conflicts('terminate'))
    .addOption(new Option('--terminate', 'end the sessions').conflicts('cancel'))
    .option('-y, --yes', 'do not ask before signalling')
    .option('--dry-run', 'show who would be signalled, and signal nobody')
    .option('--json', 'print JSON');
}

function addTree(program: Command, io: Io, done: (code: number) => void): void {
  whereOptions(program.command('tree').description('who blocks whom, roots first'))
    .option('--all-databases', 'all databases of the server')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES.tree)
    .action(async (_: unknown, command: Command) => {
      const { tree } = await import('./commands/tree.js');
      done(await tree(io, command.optsWithGlobals<TreeFlags>()));
    });
}

function addWatch(program: Command, io: Io, done: (code: number) => void): void {
  whereOptions(program.command('watch').description('looks again and again, on the whole screen'))
    .option('-n, --interval <duration>', 'how often', '2s')
    .addHelpText('after', EXAMPLES.watch)
    .action(async (_: unknown, command: Command) => {
      const { watch } = await import('./commands/watch.js');
      done(await watch(io, command.optsWithGlobals<WatchFlags>()));
    });
}

function addDoctor(program: Command, io: Io, done: (code: number) => void): void {
  whereOptions(
    program
      .command('doctor')
      .description('privileges, pooler, settings, and what stands in the way of locks'),
  )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES.doctor)
    .action(async (_: unknown, command: Command) => {
      const { doctor } = await import('./commands/doctor.js');
      done(await doctor(io, command.optsWithGlobals<DoctorFlags>()));
    });
}

function addRun(program: Command, io: Io, done: (code: number) => void): void {
  whereOptions(
    program.command('run').description('runs a command under a lock, or with its blockers cleared away'),
  )
    .argument('<command...>', 'what to run, after --')
    .option('--id <id>', 'hold this advisory lock meanwhile; repeatable', several)
    .option('-t, --timeout <duration>', 'how long to wait for the lock; 0 tries once (waits for ever)')
    .option('--lock-timeout <duration>', "the command's lock_timeout")
    .option('--prioritize', 'terminate who blocks the command')
    .option('--interval <duration>', 'how often to look for blockers', '1s')
    .addOption(
      new Option('--cancel', 'cancel blockers, rather than terminate them').implies({ prioritize: true }),
    )
    .option('--dry-run', 'report who would be signalled, and signal nobody')
    .addHelpText('after', EXAMPLES.run)
    .action(async (words: string[], _: unknown, command: Command) => {
      const { run } = await import('./commands/run.js');
      done(await run(io, words, command.optsWithGlobals<RunFlags>()));
    });
}
