import { NOTIFICATION_MAX_BYTES } from '../sql/peer-channel.js';
import { asciiJson } from '../vocabulary/ascii.js';

/** The version of the envelope that this library writes. Fields may be added to it; those that it has keep their meaning. */
const VERSION = 1;
/** Names of jobs and of what is led travel in every message of theirs, which are short. @internal */
export const LONGEST_NAME = 500;
const MOST = { depth: 8, kind: 40, id: 64, applicationName: 256, host: 256, pids: 128 };

/** Who speaks, as the envelope has it. @internal */
export interface PeerSender {
  readonly id: string;
  readonly applicationName: string;
  readonly host: string;
  readonly pids: readonly number[];
}

/** One message as it travels. @internal */
export interface PeerMessage extends PeerSender {
  readonly kind: string;
  /** Of a question: its number, which the answers repeat. */
  readonly asks: string | undefined;
  /** Of an answer: the number of the question. */
  readonly answers: string | undefined;
  readonly body: unknown;
}

/** The text of a message, in ASCII, for databases of any encoding. @throws {RangeError} when it is longer than a notification can be. @internal */
export function encodeMessage(message: PeerMessage): string {
  const { kind, id, applicationName, host, pids, asks, answers, body } = message;
  const text = asciiJson({
    v: VERSION,
    k: kind,
    i: id,
    a: applicationName,
    h: host,
    p: pids.slice(0, MOST.pids),
    ...(asks === undefined ? {} : { q: asks }),
    ...(answers === undefined ? {} : { r: answers }),
    b: body,
  });
  const bytes = text.length;
  if (bytes > NOTIFICATION_MAX_BYTES)
    throw new RangeError(`A message to peers of ${bytes} bytes is too long (${NOTIFICATION_MAX_BYTES}).`);
  return text;
}

/** What a text says; `undefined` for everything that no peer says. A role that can connect can send anything. @internal */
export function decodeMessage(text: string): PeerMessage | undefined {
  const raw = parse(text);
  if (!isRecord(raw)) return undefined;
  const { v, k, i, a, h, p, q, r, b } = raw;
  if (!Number.isSafeInteger(v) || (v as number) < 1) return undefined;
  if (!isText(k, MOST.kind) || !isText(i, MOST.id)) return undefined;
  if (!isOptionalText(q, MOST.id) || !isOptionalText(r, MOST.id)) return undefined;
  return {
    kind: k,
    id: i,
    applicationName: isText(a, MOST.applicationName) ? a : '',
    host: isText(h, MOST.host) ? h : '',
    pids: isPids(p) ? p : [],
    asks: q,
    answers: r,
    body: b,
  };
}

/** Whether a value is an object with fields. @internal */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(text: string): unknown {
  if (text.length > NOTIFICATION_MAX_BYTES || isTooDeep(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether brackets nest deeper than any message of ours. Looked at before parsing, so that hostile text costs little. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (inString) {
      if (char === '\\') at++;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if ((char === '{' || char === '[') && ++depth > MOST.depth) return true;
    else if (char === '}' || char === ']') depth--;
  }
  return false;
}

function isText(value: unknown, most: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= most;
}

function isOptionalText(value: unknown, most: number): value is string | undefined {
  return value === undefined || isText(value, most);
}

function isPids(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MOST.pids && value.every(isPid);
}

function isPid(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 2 ** 31;
}
