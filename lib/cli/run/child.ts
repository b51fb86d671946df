import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CliError, EXIT, lineOf } from '../exit.js';
import type { Io } from '../io.js';

/** A command that runs. @internal */
export interface RunningChild {
  /** Its exit code, or 128 and the number of the signal that ended it. Rejects when it could not be started. */
  readonly exit: Promise<number>;
  /** Asks it to end, and makes it end when it does not within ten seconds. */
  stop(): void;
}

const PATIENCE_MS = 10_000;

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;

/**
 * Runs a command with our own input and output, and hands on the signals that we get.
 *
 * @param stdout 2 when its output is talk beside data of ours.
 * @throws {CliError} (through `exit`) when there is no such command.
 * @internal
 */
export function spawnForwarding(
  [command = '', ...words]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  { stdin, cwd }: Pick<Io, 'stdin' | 'cwd'>,
  stdout: 'inherit' | 2 = 'inherit',
): RunningChild {
  const stdio = ['inherit', stdout, 'inherit'] as const;
  const child = spawn(command, words, { cwd, env, stdio: [...stdio], shell: process.platform === 'win32' });
  const forward = (signal: NodeJS.Signals): void => {
    // A terminal has sent its interrupt to the whole group already.
    if (signal === 'SIGINT' && stdin.isTTY) return;
    child.kill(signal);
  };
  for (const signal of FORWARDED) process.on(signal, forward);
  let impatience: NodeJS.Timeout | undefined;
  const exit = new Promise<number>((resolve, reject) => {
    child.once('error', (error) => {
      reject(new CliError(EXIT.usage, `Cannot run ${command}: ${lineOf(error)}`, { cause: error }));
    });
    child.once('exit', (code, signal) => {
      resolve(signal === null ? (code ?? EXIT.refused) : 128 + constants.signals[signal]);
    });
  });
  return {
    exit: exit.finally(() => {
      clearTimeout(impatience);
      for (const signal of FORWARDED) process.off(signal, forward);
    }),
    stop: () => {
      child.kill('SIGTERM');
      impatience ??= setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    },
  };
}
