import { isRecord } from './peer-message.js';
import type { PeerInfo, PeerMessageKind, Peers } from './peers.js';

/** "I am here": told when one begins to listen (and asks the others for theirs), and when asked. */
const HELLO: PeerMessageKind<{ readonly ask: boolean; readonly age: number | undefined }> = {
  name: 'hello',
  read: (body) => (isRecord(body) ? { ask: body['ask'] === true, age: readAge(body['age']) } : undefined),
};

/** "I am gone." */
const BYE: PeerMessageKind<Record<string, never>> = {
  name: 'bye',
  read: (body) => (isRecord(body) ? {} : undefined),
};

/** One hello answers all who ask within this time. */
const ANSWER_WITHIN_MS = 100;
/** How often peers are looked after whose backend ended without a word. */
const LOOK_EVERY_MS = 30_000;

/** What a presence asks of the peers that it belongs to. @internal */
export interface PresenceHost extends Pick<
  Peers,
  'on' | 'tell' | 'tellWithin' | 'onListening' | 'listeningSince'
> {
  forget(peer: PeerInfo): void;
  /** A peer has listened for so many milliseconds. */
  noteAge(peer: PeerInfo, ageMs: number): void;
  forgetGone(): Promise<void>;
}

/**
 * Who is there. *Unseen* until something wants to be kept listening; then it says so to all, once for each session, and
 * learns who else is there.
 *
 * @internal
 */
export class Presence {
  private wanted = 0;
  private greeted = false;
  private closed = false;
  private answering: NodeJS.Timeout | undefined;
  private looking: NodeJS.Timeout | undefined;

  constructor(private readonly host: PresenceHost) {
    host.on(HELLO, ({ ask, age }, from) => {
      if (age !== undefined) host.noteAge(from, age);
      this.greetedBy(ask);
    });
    host.on(BYE, (_body, from) => host.forget(from));
    host.onListening(() => {
      if (this.wanted > 0) this.greet(true);
    });
  }

  /** Is seen until the returned function is called. */
  enter(): () => void {
    if (++this.wanted === 1) this.appear();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      if (--this.wanted === 0) this.disappear();
    };
  }

  /** Says goodbye, where it was seen. */
  close(): void {
    this.closed = true;
    this.disappear();
    if (!this.greeted || this.host.listeningSince === undefined) return;
    this.host.tell(BYE, {}).catch(nothing); // they learn so from the end of the backend
  }

  private appear(): void {
    if (this.host.listeningSince !== undefined) this.greet(true);
    this.looking = setInterval(() => {
      this.host.forgetGone().catch(nothing); // the session is gone; looked for again in a while
    }, LOOK_EVERY_MS);
    this.looking.unref();
  }

  private disappear(): void {
    clearInterval(this.looking);
    clearTimeout(this.answering);
    this.answering = undefined;
  }

  private greetedBy(ask: boolean): void {
    if (!ask || !this.greeted || this.closed || this.answering !== undefined) return;
    this.answering = setTimeout(
      () => {
        this.answering = undefined;
        this.greet(false);
      },
      ANSWER_WITHIN_MS * (0.5 + Math.random() / 2),
    );
  }

  private greet(ask: boolean): void {
    if (this.closed) return;
    this.greeted = true;
    const { listeningSince: since } = this.host;
    const age = since === undefined ? undefined : Math.round(performance.now() - since);
    this.host.tellWithin(HELLO, { ask, age }, 0).catch(nothing); // the session ended, and the next one greets again
  }
}

function readAge(age: unknown): number | undefined {
  return Number.isSafeInteger(age) && (age as number) >= 0 ? (age as number) : undefined;
}

function nothing(): void {}
