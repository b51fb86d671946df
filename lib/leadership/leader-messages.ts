import { isRecord } from '../peers/peer-message.js';
import type { PeerMessageKind, PeerQuestionKind } from '../peers/peers.js';
import { asciiJson } from '../vocabulary/ascii.js';

/** What one process says of one name. @internal */
export interface LeaderReport {
  readonly name: string;
  /** Where it leads: since when (milliseconds of the Unix epoch), which term, on which backend. */
  readonly leads: { readonly since: number; readonly term: string; readonly pid: number } | undefined;
}

/** "Who leads what, and who stands by?" Every process answers, so that the one that asks need not wait for silence. @internal */
export const WHO_LEADS: PeerQuestionKind<Record<string, never>, readonly LeaderReport[]> = {
  name: 'leaders?',
  readQuestion: (body) => (isRecord(body) ? {} : undefined),
  readAnswer: (body) => (Array.isArray(body) ? body.flatMap(readReport) : undefined),
};

/** "I have given up the lead of this": those who poll for it try at once. @internal */
export const RESIGNED: PeerMessageKind<string> = {
  name: 'resigned',
  read: (body) => (typeof body === 'string' ? body : undefined),
};

/** What fits into one answer, in bytes. */
const MOST_BYTES = 7_000;

/** As many reports as fit into one message. @internal */
export function thatFit(reports: readonly LeaderReport[]): readonly LeaderReport[] {
  let bytes = 0;
  return reports.filter((report) => (bytes += asciiJson(report).length + 1) < MOST_BYTES);
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
