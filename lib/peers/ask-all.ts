import { monotonicMs } from '../vocabulary/monotonic.js';
import { pause } from '../vocabulary/pause.js';
import { nextListening } from './next-listening.js';
import type { PeerAnswer, PeerInfo, PeerQuestionKind, Peers } from './peers.js';

/** How long answers of peers that are known are waited for. */
const COLLECT_MS = 1_000;
/** Peers that were there before say hello within so long after a session began to listen; until then some are strangers. */
const STRANGERS_MS = 150;

/**
 * What every peer answers to a question that each of them answers: of all that are known, or of those that answer within a
 * second. Where the question cannot be sent, of none. The caller keeps the peers listening meanwhile.
 *
 * @internal
 */
export async function askAll<Question, Answer>(
  peers: Pick<Peers, 'ask' | 'known' | 'listeningSince' | 'onListening'>,
  kind: PeerQuestionKind<Question, Answer>,
  body: Question,
  leftMs = COLLECT_MS,
): Promise<readonly PeerAnswer<Answer>[]> {
  // A session that is being opened knows of no peers yet.
  if (peers.listeningSince === undefined) await nextListening(peers, leftMs);
  const { listeningSince = -Infinity } = peers;
  const strangersForMs = listeningSince + STRANGERS_MS - monotonicMs();
  if (strangersForMs > 0) await pause(strangersForMs);
  const waitMs = peers.known().length === 0 ? Math.min(leftMs, STRANGERS_MS) : leftMs;
  return peers.ask(kind, body, { waitMs, isEnough: allKnown(peers) }).catch(() => []);
}

/** Whether all peers that are known have answered. @internal */
export function allKnown(
  peers: Pick<Peers, 'known'>,
): (answers: readonly { readonly from: PeerInfo }[]) => boolean {
  const known = peers.known().map(({ id }) => id);
  return (answers) => {
    const answered = new Set(answers.map(({ from }) => from.id));
    return known.length > 0 && known.every((id) => answered.has(id));
  };
}
