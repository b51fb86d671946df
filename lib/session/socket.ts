import type { Client } from 'pg';

/** The socket under a driver's client, as far as it is used here. @internal */
export interface Socket {
  ref(): void;
  unref(): void;
  destroy(): void;
}

/** The driver's socket; undefined for `pg-native`, which has none that can be reached. @internal */
export function socketOf(client: Client): Socket | undefined {
  return (client as unknown as { readonly connection?: { readonly stream?: Socket } }).connection?.stream;
}

/** Closes a connection without a word to the server; whatever was asked on it rejects. @internal */
export function cutOff(client: Client): void {
  socketOf(client)?.destroy(); // `pg-native` has none; `end` closes it
}
