import type { OrderedRequest, WaitingLine, WaitOrderPort } from '../vocabulary/waiting-line.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import { isRecord } from './peer-message.js';
import type { PeerMessageKind, Peers } from './peers.js';

/** One request: its number, for how many milliseconds it has waited, and whether it is shared (1) or not (0). */
type SaidRequest = readonly [told: number, ageMs: number, shared: number];

/** "These wait for the key here, the oldest first": all of them, so that the next message takes the place of this one. */
const LINE: PeerMessageKind<{ readonly key: string; readonly requests: readonly SaidRequest[] }> = {
  name: 'line',
  read: readLine,
};

/** A request that has waited so long is told. */
const TOLD_AFTER_MS = 100;
/** Those that wait no longer are told together. */
const LEFT_WITHIN_MS = 5;
/** For those that did not listen yet. */
const TOLD_AGAIN_AFTER_MS = 10_000;
const FORGOTTEN_AFTER_MS = 25_000;
/** How often room is made for one request at the most: it may not be there to take it. */
const MOST_ROOM = 3;
/**
 * Room is made where works last so long for each process that waits elsewhere. To make room costs about a millisecond, and half of the
 * processes do so for each work.
 */
const WORTH_MS = 10;
/** So much earlier is earlier: a message takes its time. */
const CLEARLY_MS = 10;
/** Invented keys and peers must not fill the memory; and so many requests fit into a message. */
const MOST = { keys: 10_000, peers: 1_000, requests: 200 };

/** A request elsewhere, on the clock of this process. */
interface RequestElsewhere {
  readonly told: number;
  readonly startedAt: number;
  readonly shared: boolean;
}

/** What a peer has told of one key. */
interface LineElsewhere {
  readonly requests: readonly RequestElsewhere[];
  readonly until: number;
  /** For which of them room was made, by their numbers, and how often. */
  readonly roomMade: Map<number, number>;
}

/** A line of this process, from the first that has to wait until none does. */
interface WatchedLine {
  readonly line: WaitingLine;
  timer: NodeJS.Timeout | undefined;
  dueAt: number;
  /** What peers know of it. */
  said: readonly OrderedRequest[];
  saidAt: number;
}

let numbers = 0;

/**
 * Keeps the order of requests for one key across processes, where each process stands in the server's queue once for all of its
 * requests: those that have waited for long are told to the peers, with their age; a process that is given the key before others of
 * which it knows that they came before makes room for them, a few times for each.
 *
 * @internal
 */
export class WaitOrder implements WaitOrderPort {
  private readonly watched = new Map<string, WatchedLine>();
  private readonly elsewhere = new Map<string, Map<string, LineElsewhere>>();
  private readonly stopHearing: () => void;

  constructor(private readonly peers: Pick<Peers, 'tell' | 'on' | 'flush'>) {
    this.stopHearing = peers.on(LINE, ({ key, requests }, { id }) => {
      this.note(key, id, requests);
      this.watched.get(key)?.line.reconsider();
    });
  }

  watch(line: WaitingLine): void {
    const { text } = line.key;
    let watched = this.watched.get(text);
    if (watched?.line !== line) {
      clearTimeout(watched?.timer);
      const { said = [], saidAt = 0 } = watched ?? {};
      watched = { line, timer: undefined, dueAt: Infinity, said, saidAt };
      this.watched.set(text, watched);
    }
    this.schedule(watched, monotonicMs() + TOLD_AFTER_MS);
  }

  left(line: WaitingLine): void {
    const watched = this.watched.get(line.key.text);
    if (watched === undefined) return;
    // Where works are short, the others are hardly ever asked to make room.
    this.schedule(watched, monotonicMs() + (line.workMs < WORTH_MS ? TOLD_AFTER_MS : LEFT_WITHIN_MS));
  }

  comesAfterOthers(line: WaitingLine, request: OrderedRequest): boolean {
    if (this.elsewhere.size === 0) return false;
    for (const _ of this.before(line, request)) return true;
    return false;
  }

  makesRoom(line: WaitingLine, request: OrderedRequest): boolean {
    if (this.elsewhere.size === 0) return false; // which is asked for each lock
    let oldest: [RequestElsewhere, LineElsewhere] | undefined;
    for (const [other, there] of this.before(line, request))
      if (
        (there.roomMade.get(other.told) ?? 0) < MOST_ROOM &&
        other.startedAt < (oldest?.[0].startedAt ?? Infinity)
      )
        oldest = [other, there];
    if (oldest === undefined) return false;
    const [{ told }, { roomMade }] = oldest;
    roomMade.set(told, (roomMade.get(told) ?? 0) + 1);
    const watched = this.watched.get(line.key.text);
    if (watched !== undefined) {
      this.say(watched);
      this.peers.flush();
    }
    return true;
  }

  close(): void {
    this.stopHearing();
    for (const { timer } of this.watched.values()) clearTimeout(timer);
    this.watched.clear();
    this.elsewhere.clear();
  }

  private schedule(watched: WatchedLine, dueAt: number): void {
    if (dueAt >= watched.dueAt) return;
    clearTimeout(watched.timer);
    watched.dueAt = dueAt;
    const look = () => this.look(watched);
    watched.timer = outsideFlows(() => setTimeout(look, Math.ceil(Math.max(0, dueAt - monotonicMs()))));
    watched.timer.unref();
  }

  private look(watched: WatchedLine): void {
    watched.dueAt = Infinity;
    const now = monotonicMs();
    const { line } = watched;
    const requests = [...line.requests].slice(0, MOST.requests);
    if (watched.said.length > 0 ? isChanged(watched, requests, now) : hasNews(line, requests, now))
      this.say(watched);
    if (requests.length === 0) return void this.watched.delete(line.key.text);
    if (requests[0] !== undefined && now - requests[0].startedAt >= TOLD_AFTER_MS) line.onLasting();
    const next = requests.find(({ told }) => told === 0);
    if (next !== undefined && !line.isInOrder)
      this.schedule(watched, Math.max(now, next.startedAt + TOLD_AFTER_MS));
    else if (watched.said.length > 0) this.schedule(watched, now + TOLD_AGAIN_AFTER_MS);
  }

  private say(watched: WatchedLine): void {
    const now = monotonicMs();
    const requests = [...watched.line.requests].slice(0, MOST.requests);
    for (const request of requests) if (request.told === 0) request.told = ++numbers;
    watched.said = requests;
    watched.saidAt = now;
    const said = requests.map(({ told, startedAt, shared }): SaidRequest => {
      return [told, Math.max(0, Math.round(now - startedAt)), shared ? 1 : 0];
    });
    this.peers.tell(LINE, { key: watched.line.key.text, requests: said }).catch(nothing); // without it, they take turns
  }

  /** The keys, and the peers of each, stand in the order in which they were told last: what is over comes first. */
  private note(key: string, peer: string, said: readonly SaidRequest[]): void {
    const now = monotonicMs();
    this.forgetOver(now);
    const lines = this.elsewhere.get(key) ?? new Map<string, LineElsewhere>();
    this.forget(key, lines, now);
    const known = lines.get(peer)?.roomMade;
    lines.delete(peer);
    const isFull = lines.size >= MOST.peers || (this.elsewhere.size >= MOST.keys && !this.elsewhere.has(key));
    if (said.length > 0 && !isFull) {
      const requests = said.map(([told, ageMs, shared]) => ({
        told,
        startedAt: now - ageMs,
        shared: shared === 1,
      }));
      const roomMade = new Map(requests.map(({ told }) => [told, known?.get(told) ?? 0]));
      lines.set(peer, { requests, until: now + FORGOTTEN_AFTER_MS, roomMade });
      this.elsewhere.delete(key);
      this.elsewhere.set(key, lines);
    } else if (lines.size === 0) this.elsewhere.delete(key);
  }

  /** Those elsewhere that came clearly before a request, and that it has to wait for. */
  private *before(
    { key, workMs }: WaitingLine,
    { startedAt, shared }: OrderedRequest,
  ): Generator<[RequestElsewhere, LineElsewhere]> {
    const lines = this.elsewhere.get(key.text);
    if (lines === undefined) return;
    const now = monotonicMs();
    this.forget(key.text, lines, now);
    if (workMs < WORTH_MS * lines.size) return;
    for (const line of lines.values()) {
      for (const other of line.requests) {
        if (other.startedAt > startedAt - CLEARLY_MS) break;
        if (!other.shared || !shared) yield [other, line];
      }
    }
  }

  /** What has not been told again: of processes that ended without a word. */
  private forget(key: string, lines: Map<string, LineElsewhere>, now: number): void {
    for (const [peer, { until }] of lines) {
      if (until > now) break;
      lines.delete(peer);
    }
    if (lines.size === 0) this.elsewhere.delete(key);
  }

  private forgetOver(now: number): void {
    for (const [key, lines] of this.elsewhere) {
      this.forget(key, lines, now);
      if (lines.size > 0) return;
    }
  }
}

function isChanged(
  { line, said, saidAt }: WatchedLine,
  requests: readonly OrderedRequest[],
  now: number,
): boolean {
  return requests[0] !== said[0] || hasNews(line, requests, now) || now - saidAt >= TOLD_AGAIN_AFTER_MS;
}

/** Whether some wait for long that peers do not know of, and have to. */
function hasNews(line: WaitingLine, requests: readonly OrderedRequest[], now: number): boolean {
  if (line.isInOrder) return false;
  return requests.some(({ told, startedAt }) => told === 0 && now - startedAt >= TOLD_AFTER_MS);
}

function readLine(body: unknown) {
  if (!isRecord(body)) return undefined;
  const { key, requests } = body;
  if (typeof key !== 'string' || !/^\d{1,10}:\d{1,10}:[12]$/.test(key)) return undefined;
  if (!Array.isArray(requests) || requests.length > MOST.requests || !requests.every(isSaidRequest))
    return undefined;
  return { key, requests };
}

function isSaidRequest(value: unknown): value is SaidRequest {
  return (
    Array.isArray(value) &&
    value.length >= 3 &&
    value.every((part) => Number.isSafeInteger(part) && (part as number) >= 0)
  );
}

function nothing(): void {}
