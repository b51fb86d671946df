import { setTimeout } from 'node:timers';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { PeerMessageKind, Peers } from './peers.js';

/** "I ask for these keys again and again: tell me when you release one." */
const AWAITING: PeerMessageKind<readonly string[]> = { name: 'awaiting', read: readKeys };
/** "I have released these keys." */
const RELEASED: PeerMessageKind<readonly string[]> = { name: 'released', read: readKeys };

/** What was told is forgotten after so long, and told again a little earlier. */
const FORGOTTEN_AFTER_MS = 12_000;
const TOLD_AGAIN_AFTER_MS = 5_000;
/** After a release that another process was quicker to use. */
const ASKED_AGAIN_AFTER_MS = 50;
/** Invented keys must not fill the memory. */
const MOST_KEYS = 10_000;
/** So many keys fit into a message. */
const MOST_IN_MESSAGE = 200;

interface Poll {
  count: number;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Wakes those who poll for a key, where the bound on sessions leaves them no place in the server's queue: they say for which
 * keys they poll, and the peer that releases one of these says so. Nothing is told for a key without polls.
 *
 * @internal
 */
export class WakeUps {
  private readonly polls = new Map<string, Poll>();
  /** The keys for which peers poll, and until when that is known. */
  private readonly awaited = new Map<string, number>();
  private readonly stops: readonly (() => void)[];

  /** @param onReleased called when a peer has released a key for which this process polls, or may have. */
  constructor(
    private readonly peers: Pick<Peers, 'tell' | 'on'>,
    private readonly onReleased: (key: string) => void,
  ) {
    this.stops = [
      peers.on(AWAITING, (keys) => this.note(keys)),
      peers.on(RELEASED, (keys) => this.heard(keys)),
    ];
  }

  /** Whether peers poll for anything: all that a release pays for where none does. */
  get isAnyAwaited(): boolean {
    return this.awaited.size > 0;
  }

  /** Whether a peer polls for the key. */
  isAwaited(key: string): boolean {
    const until = this.awaited.get(key);
    if (until === undefined || until > performance.now()) return until !== undefined;
    this.awaited.delete(key);
    return false;
  }

  /** Polling for a key begins. Returns what to call when it is over. */
  poll(key: string): () => void {
    const poll = this.polls.get(key) ?? { count: 0, timer: undefined };
    this.polls.set(key, poll);
    if (++poll.count === 1) this.ask(key, poll, 0);
    let isOver = false;
    return () => {
      if (isOver || --poll.count > 0) return;
      isOver = true;
      clearTimeout(poll.timer);
      this.polls.delete(key);
    };
  }

  /** The key was released here: those who poll for it are told, once for each time that they asked. */
  released(key: string): void {
    if (!this.awaited.delete(key)) return;
    this.peers.tell(RELEASED, [key]).catch(nothing); // they ask by themselves
  }

  close(): void {
    for (const stop of this.stops) stop();
    for (const { timer } of this.polls.values()) clearTimeout(timer);
    this.awaited.clear();
  }

  private ask(key: string, poll: Poll, afterMs: number): void {
    clearTimeout(poll.timer);
    const tell = () => {
      // What was released before the others knew was told to none.
      this.peers.tell(AWAITING, [key]).then(() => this.wake(key, poll), nothing);
      this.ask(key, poll, TOLD_AGAIN_AFTER_MS);
    };
    if (afterMs === 0) outsideFlows(tell);
    else poll.timer = outsideFlows(() => setTimeout(tell, afterMs).unref());
  }

  private wake(key: string, poll: Poll): void {
    if (this.polls.get(key) === poll) this.onReleased(key);
  }

  private note(keys: readonly string[]): void {
    for (const key of keys)
      if (this.awaited.size < MOST_KEYS || this.awaited.has(key))
        this.awaited.set(key, performance.now() + FORGOTTEN_AFTER_MS);
  }

  private heard(keys: readonly string[]): void {
    for (const key of keys) {
      const poll = this.polls.get(key);
      if (poll === undefined) continue;
      this.ask(key, poll, ASKED_AGAIN_AFTER_MS);
      this.onReleased(key);
    }
  }
}

function readKeys(body: unknown): readonly string[] | undefined {
  if (!Array.isArray(body) || body.length > MOST_IN_MESSAGE) return undefined;
  return body.filter((key) => typeof key === 'string' && /^\d{1,10}:\d{1,10}:[12]$/.test(key)) as string[];
}

function nothing(): void {}
