import { LockSessionError } from '../errors/lock-session.error.js';
import { notifyPeers } from '../sql/peer-channel.js';
import { monotonicMs } from '../vocabulary/monotonic.js';
import { SQLSTATE, sqlStateOf } from '../vocabulary/sqlstate.js';
import type { PeerPort } from './peer-port.js';

/** How long the commits of others that notify are waited for, at most: less than the default `deadlock_timeout`, which logs waits. */
const WAIT_MS = 900;
/** And at most this part of the time for which locks are trusted without an answer: the heartbeat waits meanwhile. */
const TRUST_SHARE = 1 / 4;
/** When what may be late is told again. */
const AGAIN_MS = 1_000;

const HELD_UP =
  'Other replicas could not be told in time: another transaction that notifies has not ended its commit; it may wait for a synchronous standby.';

interface Told {
  readonly text: string;
  /** Whether it is told again where others' commits have kept it from being told. */
  readonly mayBeLate: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Messages on their way out: all of one turn travel in one statement. @internal */
export class Outbox {
  private told: Told[] = [];
  private isDue = false;
  private timer: NodeJS.Timeout | undefined;
  /** When the timer fires, where there is one. */
  private firesAt = Infinity;
  private waitMs = WAIT_MS;

  constructor(private readonly port: PeerPort) {}

  /** A session was opened, which trusts its locks for so long. */
  begin(trustMs: number): void {
    this.waitMs = Math.max(1, Math.min(WAIT_MS, Math.floor(trustMs * TRUST_SHARE)));
  }

  /** Resolves when the message is committed. */
  tell(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.told.push({ text, mayBeLate: false, resolve, reject });
      if (this.isDue) return;
      this.isDue = true;
      setImmediate(() => this.send());
    });
  }

  /** The same for a message that may wait so long for others to travel with, and longer where commits of others hold it up. */
  tellWithin(text: string, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.told.push({ text, mayBeLate: true, resolve, reject });
      this.sendWithin(ms);
    });
  }

  /** Sends what was told, where something was, without waiting for the end of the turn. */
  send(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.firesAt = Infinity;
    this.isDue = false;
    const told = this.told;
    if (told.length === 0) return;
    this.told = [];
    const statement = notifyPeers(
      told.map(({ text }) => text),
      this.waitMs,
    );
    this.port.runOnMain(statement).then(
      () => told.forEach(({ resolve }) => resolve()),
      (error: unknown) => this.failed(told, error),
    );
  }

  /** The most urgent of what waits decides. */
  private sendWithin(ms: number): void {
    const at = monotonicMs() + ms;
    if (at >= this.firesAt) return;
    clearTimeout(this.timer);
    this.firesAt = at;
    this.timer = setTimeout(() => this.send(), ms).unref();
  }

  private failed(told: readonly Told[], error: unknown): void {
    const isHeldUp = sqlStateOf(error) === SQLSTATE.lockNotAvailable;
    const late = told.filter(({ mayBeLate }) => isHeldUp && mayBeLate);
    this.told.unshift(...late);
    if (late.length > 0) this.sendWithin(AGAIN_MS);
    const reason = isHeldUp ? new LockSessionError(HELD_UP, { cause: error }) : error;
    for (const one of told) if (!late.includes(one)) one.reject(reason);
  }
}
