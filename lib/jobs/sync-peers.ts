import type { Peers } from '../peers/peers.js';
import { onAbort, type WaitSignal } from '../vocabulary/wait-abort.js';

/**
 * Hears all that was committed before; where nothing listens at this moment, waits for the next session that does.
 * Rejects when the signal aborts.
 *
 * @internal
 */
export async function syncPeers(peers: Peers, signal: WaitSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      await peers.sync();
      return;
    } catch {
      await untilListening(peers, signal);
    }
  }
}

async function untilListening(peers: Peers, signal: WaitSignal): Promise<void> {
  if (peers.listeningSince !== undefined) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      stopWaiting();
      stopListening();
      resolve();
    };
    const stopWaiting = peers.onListening(done);
    const stopListening = onAbort(signal, done);
  });
}
