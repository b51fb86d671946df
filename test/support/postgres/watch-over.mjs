import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The watchdog waits for the end of its input, which no kind of death can prevent. */
export function watchOver(scratch) {
  const script = fileURLToPath(new URL('watchdog.mjs', import.meta.url));
  const watchdog = spawn(process.execPath, [script, scratch], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
    detached: true,
  });
  watchdog.unref();
  watchdog.stdin.unref();
  return watchdog;
}

/** Sends the watchdog to its last task, which is cleaning up, and waits until that is done. */
export async function dismiss(watchdog) {
  if (watchdog.exitCode !== null || watchdog.signalCode !== null) return;
  watchdog.ref();
  const exited = once(watchdog, 'exit');
  watchdog.stdin.end();
  await exited;
}
