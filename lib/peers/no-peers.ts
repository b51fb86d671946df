import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { PeerAnswer, PeerInfo, Peers } from './peers.js';

/** Where there is one process only, as in the testing kit: it listens, and no peer speaks. @internal */
export class NoPeers implements Peers {
  readonly id = randomBytes(9).toString('base64url');
  readonly self: PeerInfo = { id: this.id, pid: 0, pids: [], applicationName: '', host: hostname() };
  readonly listeningSince = performance.now();
  readonly attentiveSince = this.listeningSince;
  isClosed = false;

  keepListening(): () => void {
    return nothing;
  }

  on(): () => void {
    return nothing;
  }

  tell(): Promise<void> {
    return Promise.resolve();
  }

  tellWithin(): Promise<void> {
    return Promise.resolve();
  }

  flush(): void {}

  sync(): Promise<void> {
    return Promise.resolve();
  }

  ask(): Promise<readonly PeerAnswer<never>[]> {
    return Promise.resolve([]);
  }

  answer(): () => void {
    return nothing;
  }

  known(): readonly PeerInfo[] {
    return [];
  }

  maySeeOurs(): Promise<boolean> {
    return Promise.resolve(false);
  }

  onBreak(): () => void {
    return nothing;
  }

  onListening(): () => void {
    return nothing;
  }

  close(): void {
    this.isClosed = true;
  }
}

function nothing(): void {}
