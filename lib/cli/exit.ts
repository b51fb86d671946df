import { PermissionError } from '../errors/permission.error.js';
import { PgLockConfigurationError } from '../errors/pg-lock-configuration.error.js';
import { PgLockUsageError } from '../errors/pg-lock-usage.error.js';

/** What the `pglock` command ends with. @internal */
export const EXIT = { done: 0, refused: 1, usage: 2, noConnection: 3, lockLost: 4 } as const;

/** Ends the command with a code and one line. @internal */
export class CliError extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'CliError';
  }
}

/** The code for an error that ends a command. @internal */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof PgLockUsageError || error instanceof PgLockConfigurationError) return EXIT.usage;
  return error instanceof PermissionError ? EXIT.refused : EXIT.noConnection;
}

/** An error on one line, without a stack. @internal */
export function lineOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(lineOf).join('; ');
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replace(/\s+/g, ' ').trim();
}
