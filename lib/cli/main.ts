import { CommanderError } from 'commander';
import { PoolerError } from '../errors/pooler.error.js';
import { ReadReplicaError } from '../errors/read-replica.error.js';
import { exitCodeOf, EXIT, lineOf } from './exit.js';
import { say, type Io } from './io.js';
import { buildProgram } from './program.js';

/** What applications are told of their options does not help at the command line. */
const POOLER =
  'A connection pooler stands between, and session-level locks do not survive one. Give the address of the database itself with -d.';
const REPLICA =
  'This is a read replica, and a lock there excludes no session of the primary. Give the address of the primary with -d.';

function textOf(error: unknown): string {
  if (error instanceof PoolerError) return POOLER;
  return error instanceof ReadReplicaError ? REPLICA : lineOf(error);
}

/**
 * The `pglock` command. Data goes to stdout, talk to stderr; it never ends the process by itself.
 *
 * @param argv what was typed after the command's name.
 * @returns the exit code: 0 done, 1 refused or nothing matched to signal, 2 usage, 3 cannot connect; of `run`, that of the
 * command that it ran.
 * @internal
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  let code: number = EXIT.done;
  const program = buildProgram(io, (result) => (code = result));
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    // commander has said what there is to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    say(io, `pglock: ${textOf(error)}`);
    return exitCodeOf(error);
  }
}
