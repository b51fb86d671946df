import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import type { RegisterCommand } from './command.js';
import { registerDoctor } from './commands/doctor.command.js';
import { registerExplain } from './commands/explain.command.js';
import { registerJobs } from './commands/jobs.command.js';
import { registerKey } from './commands/key.command.js';
import { registerLeaders } from './commands/leaders.command.js';
import { registerList } from './commands/list.command.js';
import { registerRun } from './commands/run.command.js';
import { registerTree } from './commands/tree.command.js';
import { registerUi } from './commands/ui.command.js';
import { registerWatch } from './commands/watch.command.js';
import type { Io } from './io.js';

/** In the order of the help. */
const COMMANDS: readonly RegisterCommand[] = [
  registerList,
  registerTree,
  registerWatch,
  registerUi,
  registerJobs,
  registerLeaders,
  registerDoctor,
  registerRun,
  registerExplain,
  registerKey,
];

/** The command with all its options. Loads what a command needs only when it runs. @internal */
export function buildProgram(io: Io, done: (code: number) => void): Command {
  const program = new Command('pglock')
    .description('Shows PostgreSQL locks, waiters and blockers; cancels or terminates blockers.')
    .version(version(), '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'pglock: ')),
      getOutHelpWidth: () => (io.stdout.isTTY ? io.stdout.columns : 100),
    })
    .helpCommand(true)
    .enablePositionalOptions()
    .showSuggestionAfterError();
  for (const register of COMMANDS) register({ program, io, done });
  return program;
}

/** As deep in `lib/` as the published modules are in the package, so that the path holds in both. */
function version(): string {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(manifest) as { readonly version: string }).version;
}
