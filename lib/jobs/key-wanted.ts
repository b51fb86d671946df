import type { PeerMessageKind, Peers } from '../peers/peers.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import { isRecord, isText } from './tick-messages.js';

/** "I wait for this key": the replica that keeps it between runs of a job, and does not use it, releases it. @internal */
export const KEY_WANTED: PeerMessageKind<{ readonly key: string }> = {
  name: 'key-wanted',
  read: (body) => (isRecord(body) && isText(body['key']) ? { key: body['key'] } : undefined),
};

/** Tells all peers that a key is waited for. @internal */
export function askForKey(peers: Peers, key: LockKey): void {
  peers.tell(KEY_WANTED, { key: key.text }).catch(ignore); // the session is away: told again in a while
}

function ignore(): void {}
