import { pause } from '../vocabulary/pause.js';
import type { Peers } from './peers.js';

/** Pauses for so many milliseconds, until a session begins to listen, or until one of the signals aborts. @internal */
export async function nextListening(
  peers: Pick<Peers, 'onListening'>,
  atMostMs: number,
  ...signals: readonly AbortSignal[]
): Promise<void> {
  const listens = new AbortController();
  const stop = peers.onListening(() => listens.abort());
  await pause(atMostMs, ...signals, listens.signal);
  stop();
}
