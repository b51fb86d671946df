import { noQueriesError } from '../vocabulary/closed-error.js';
import { asciiJson } from '../vocabulary/ascii.js';
import { askAll } from './ask-all.js';
import type { PeerAnswer, PeerQuestionKind, Peers } from './peers.js';

/** A notification has 7 999 bytes, of which the envelope takes some. @internal */
export const PAGE_BYTES = 6_500;
/** How long the answers are collected, of all pages. */
const COLLECT_MS = 1_000;

/** A question whose answer has pages, since a message has a length. @internal */
export interface PageQuestion {
  readonly page: number;
}

/** One page of an answer. @internal */
export interface PageAnswer {
  readonly pages: number;
}

/** Of a page, or of how many there are, as it was told. @internal */
export function pageNumber(value: unknown): number {
  return Number.isSafeInteger(value) ? (value as number) : 0;
}

/** What fits into one message each; at least one page, and at least one item on each but the only one. @internal */
export function pagesOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const pages: Item[][] = [[]];
  let bytes = 0;
  for (const item of items) {
    const size = asciiJson(item).length + 1;
    if (bytes + size > PAGE_BYTES && bytes > 0) {
      pages.push([]);
      bytes = 0;
    }
    bytes += size;
    pages.at(-1)?.push(item);
  }
  return pages;
}

/**
 * All pages of all peers that answer within a second. The caller keeps the peers listening meanwhile.
 *
 * @throws {PgLockUsageError} after the shutdown.
 * @internal
 */
export async function askPages<Answer extends PageAnswer>(
  peers: Peers,
  kind: PeerQuestionKind<PageQuestion, Answer>,
): Promise<PeerAnswer<Answer>[]> {
  if (peers.isClosed) throw noQueriesError();
  const until = performance.now() + COLLECT_MS;
  const found: PeerAnswer<Answer>[] = [];
  for (let page = 0, pages = 1; page < pages; page++) {
    const answers = await askAll(peers, kind, { page }, Math.max(until - performance.now(), 1));
    if (answers.length === 0) break;
    pages = Math.max(pages, ...answers.map(({ body }) => body.pages));
    found.push(...answers);
  }
  return found;
}
