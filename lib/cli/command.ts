import type { Command } from 'commander';
import type { Io } from './io.js';

/** Where a command puts itself. @internal */
export interface CommandContext {
  readonly program: Command;
  readonly io: Io;
  /** Takes the exit code. */
  readonly done: (code: number) => void;
}

/**
 * Adds one command to the program: each stands in a file of its own (`commands/NAME.command.ts`), and in the list of
 * `program.ts`. What it runs is imported when it runs.
 *
 * @internal
 */
export type RegisterCommand = (context: CommandContext) => void;

/** Collects an option that may be given several times. @internal */
export const several = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
];

/** Collects an option that may be given several times, or once with commas. @internal */
export const listed = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  ...value.split(',').map((part) => part.trim()),
];

/** The options of every command that looks at a database. @internal */
export function whereOptions(command: Command): Command {
  return command
    .option('-d, --database <name-or-url>', 'a database of pglock.config, or a URL')
    .option('-c, --config <name>', 'a saved configuration of pglock.config');
}
