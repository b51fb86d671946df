import { execFileSync, spawnSync } from 'node:child_process';
import { cliFolder, PGLOCK, type CliFolder } from './cli.js';
import type { TestDatabase } from './database.js';
import { eventually } from './waiting.js';

/** Whether there is a terminal to test in: `apt-get install tmux`. */
export const tmuxIsInstalled = spawnSync('tmux', ['-V']).status === 0;

/** A terminal in which `pglock` runs. */
export interface Terminal {
  keys(...keys: string[]): void;
  screen(): string;
  /** Waits until the screen shows it. @returns the whole screen. */
  shows(what: string | RegExp): Promise<string>;
  close(): void;
}

export interface TerminalOptions {
  readonly columns?: number;
  readonly lines?: number;
  readonly folder?: CliFolder;
  readonly env?: Readonly<Record<string, string>>;
  /** For how long `shows` waits, in milliseconds. @default 60 000 */
  readonly timeout?: number;
}

let terminals = 0;

/** A terminal of its own, 120 by 30 where nothing else is said; `exit N` stands below what the command wrote. */
export function terminal(db: TestDatabase, command: string, options: TerminalOptions = {}): Terminal {
  const { columns = 120, lines = 30, folder = cliFolder(db), env = {}, timeout = 60_000 } = options;
  const socket = `${db.name}-${++terminals}`;
  const tmux = (...args: string[]) => execFileSync('tmux', ['-L', socket, ...args], { encoding: 'utf8' });
  const close = () => void spawnSync('tmux', ['-L', socket, 'kill-server']);
  const variables = Object.entries({ DATABASE_URL: db.url, NODE_OPTIONS: '', NO_COLOR: '1', ...env });
  tmux(
    ...['-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(lines)],
    ...['-c', folder.path, ...variables.flatMap(([name, value]) => ['-e', `${name}=${value}`])],
    `${process.execPath} ${PGLOCK} ${command}; echo "exit $?"; exec sleep 600`,
  );
  db.defer(close);
  // What the terminal had to break is one line again: it was wider than the terminal.
  const screen = () => tmux('capture-pane', '-p', '-J');
  return {
    keys: (...keys) => void tmux('send-keys', ...keys),
    screen,
    close,
    shows: (what) =>
      eventually(
        () => {
          const text = screen();
          if (typeof what === 'string' ? text.includes(what) : what.test(text)) return text;
          throw new Error(`the screen does not show ${String(what)}:\n${text}`);
        },
        { timeout },
      ),
  };
}
