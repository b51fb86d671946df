import { pageNumber, pagesOf, type PageAnswer, type PageQuestion } from '../peers/paged.js';
import { isRecord } from '../peers/peer-message.js';
import type { PeerMessageKind, PeerQuestionKind } from '../peers/peers.js';

/** What one process says of one name. @internal */
export interface LeaderReport {
  readonly name: string;
  /** Where it leads: since when (milliseconds of the Unix epoch), which term, on which backend. */
  readonly leads: { readonly since: number; readonly term: string; readonly pid: number } | undefined;
}

/** One page of what a process says. @internal */
export interface LeadersAnswer extends PageAnswer {
  readonly leaders: readonly LeaderReport[];
}

/** "Who leads what, and who stands by?" Every process answers, so that the one that asks need not wait for silence. @internal */
export const WHO_LEADS: PeerQuestionKind<PageQuestion, LeadersAnswer> = {
  name: 'leaders?',
  readQuestion: (body) => (isRecord(body) ? { page: pageNumber(body['page']) } : undefined),
  readAnswer: (body) =>
    isRecord(body) && Array.isArray(body['leaders'])
      ? { pages: pageNumber(body['pages']), leaders: body['leaders'].flatMap(readReport) }
      : undefined,
};

/** "I have given up the lead of this": those who poll for it try at once. @internal */
export const RESIGNED: PeerMessageKind<string> = {
  name: 'resigned',
  read: (body) => (typeof body === 'string' ? body : undefined),
};

/** One page of the answer to {@link WHO_LEADS}. @internal */
export function leadersPage(reports: readonly LeaderReport[], page: number): LeadersAnswer {
  const pages = pagesOf(reports);
  return { pages: pages.length, leaders: pages[page] ?? [] };
}

function readReport(value: unknown): LeaderReport[] {
  if (!isRecord(value) || typeof value['name'] !== 'string') return [];
  const { name, leads } = value;
  if (!isRecord(leads)) return [{ name, leads: undefined }];
  const { since, term, pid } = leads;
  const isRead = Number.isSafeInteger(since) && Number.isSafeInteger(pid) && typeof term === 'string';
  if (!isRead || !/^\d{1,20}$/.test(term)) return [];
  return [{ name, leads: { since: since as number, term, pid: pid as number } }];
}
