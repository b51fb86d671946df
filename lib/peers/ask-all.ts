import type { PeerAnswer, PeerQuestionKind, Peers } from './peers.js';

/** How long answers of peers that are known are waited for. */
const COLLECT_MS = 1_000;
/** Where no peer is known yet, one that began to listen just now is waited for no longer than this. */
const STRANGERS_MS = 150;

/**
 * What every peer answers to a question that each of them answers: of all that are known, or of those that answer within a
 * second. Where the question cannot be sent, of none.
 *
 * @internal
 */
export function askAll<Question, Answer>(
  peers: Pick<Peers, 'ask' | 'known'>,
  kind: PeerQuestionKind<Question, Answer>,
  body: Question,
  leftMs = COLLECT_MS,
): Promise<readonly PeerAnswer<Answer>[]> {
  const known = peers.known().map(({ id }) => id);
  const waitMs = known.length === 0 ? Math.min(leftMs, STRANGERS_MS) : leftMs;
  const isEnough = (answers: readonly PeerAnswer<Answer>[]) => {
    const answered = new Set(answers.map(({ from }) => from.id));
    return known.length > 0 && known.every((id) => answered.has(id));
  };
  return peers.ask(kind, body, { waitMs, isEnough }).catch(() => []);
}
