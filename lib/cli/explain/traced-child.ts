import type { Io } from '../io.js';
import { spawnForwarding, type RunningChild } from '../run/child.js';

/** How long a command may take to end once it has been told to. */
const PATIENCE_MS = 5_000;

/** The command that is traced, as far as signals go: while it runs, they are its own. @internal */
export class TracedChild {
  #child: RunningChild | undefined;

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /**
   * Runs it. One that is told to end and does not, or is told twice, is made to: its transaction would stay open. Only at a terminal
   * Ctrl-C is left to it, where it may mean something else.
   *
   * @returns its exit code.
   */
  async run(words: readonly string[], env: Io['env'], io: Io, signal: AbortSignal): Promise<number> {
    const child = spawnForwarding(words, env, io, 2);
    this.#child = child;
    let patience: NodeJS.Timeout | undefined;
    const told = (): void => {
      if (patience !== undefined) return child.stop();
      patience = setTimeout(() => child.stop(), PATIENCE_MS);
    };
    const stopping = io.stdin.isTTY ? ['SIGTERM', 'SIGHUP'] : ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const name of stopping) process.on(name, told);
    signal.addEventListener('abort', () => child.stop(), { once: true });
    try {
      return await child.exit;
    } finally {
      this.#child = undefined;
      clearTimeout(patience);
      for (const name of stopping) process.off(name, told);
    }
  }
}
