import { notifyPeers } from '../sql/peer-channel.js';
import type { PeerPort } from './peer-port.js';

interface Told {
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Messages on their way out: all of one turn travel in one statement. @internal */
export class Outbox {
  private told: Told[] = [];
  private isDue = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly port: PeerPort) {}

  /** Resolves when the message is committed. */
  tell(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.told.push({ text, resolve, reject });
      if (this.isDue) return;
      this.isDue = true;
      setImmediate(() => this.send());
    });
  }

  /** The same for a message that may wait so long for others to travel with. */
  tellWithin(text: string, ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.told.push({ text, resolve, reject });
      this.timer ??= setTimeout(() => this.send(), ms).unref();
    });
  }

  /** Sends what was told, where something was, without waiting for the end of the turn. */
  send(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isDue = false;
    const told = this.told;
    if (told.length === 0) return;
    this.told = [];
    this.port.runOnMain(notifyPeers(told.map(({ text }) => text))).then(
      () => told.forEach(({ resolve }) => resolve()),
      (error: unknown) => told.forEach(({ reject }) => reject(error)),
    );
  }
}
