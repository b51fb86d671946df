import { PgLockUsageError } from '../../errors/pg-lock-usage.error.js';

const STOPPING = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Stopping = keyof typeof STOPPING;

/**
 * Runs work that ends when the process is to end; what it then throws is no failure of its own.
 *
 * @param leave is told what the work could not take back.
 * @param isOurs whether signals are for the work at this moment: a child of its own hears of them by itself.
 * @returns what the work returns, or 128 and the number of the signal.
 * @internal
 */
export async function withInterrupts(
  work: (signal: AbortSignal) => Promise<number>,
  leave: (error: Error) => void,
  isOurs = (): boolean => true,
): Promise<number> {
  const abort = new AbortController();
  let stopped: Stopping | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (!isOurs()) return;
    stopped ??= signal as Stopping;
    abort.abort(new Error(`stopped by ${signal}`));
  };
  for (const signal of Object.keys(STOPPING)) process.on(signal, stop);
  try {
    const code = await work(abort.signal);
    return stopped === undefined ? code : STOPPING[stopped];
  } catch (error) {
    if (stopped === undefined) throw error;
    if (error instanceof PgLockUsageError) leave(error);
    return STOPPING[stopped];
  } finally {
    for (const signal of Object.keys(STOPPING)) process.off(signal, stop);
  }
}
