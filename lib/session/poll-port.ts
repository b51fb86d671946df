/** Wakes polls of other processes, and those of this one when another releases what they ask for. @internal */
export interface PollPort {
  /** Whether any process polls for anything. */
  readonly isAnyAwaited: boolean;
  /** Whether another process polls for the key. */
  isAwaited(key: string): boolean;
  /** Polling for a key begins. Returns what to call when it is over. */
  poll(key: string): () => void;
  /** The key was released here. */
  released(key: string): void;
}
