/** A wait of a flow of this process for an advisory lock. @internal */
export interface FlowWait {
  /** Given to no other wait of this process. */
  readonly number: number;
  /** When it began, in milliseconds of the Unix epoch: what tells the youngest of a cycle in the same way everywhere. */
  readonly since: number;
  /** `LockKey.text` of what it waits for. */
  readonly key: string;
  /** The module whose lock it is: keys of two modules may be of two databases. */
  readonly domain: object;
  /** Ends the wait with a `DeadlockError`; does nothing where it is over. */
  refuse(): void;
}

/** A flow of this process that holds a key. @internal */
export interface KeyHolder {
  /** Given to no other hold of this process: a key that was released and acquired again has another. */
  readonly number: number;
  /** What the flow waits for meanwhile. */
  readonly waits: Iterable<FlowWait>;
}

/** Who in this process waits for whom: what is known of the keys of one module. @internal */
export interface WaitGraph {
  /** The flows of this process that hold the key. */
  holdersOf(key: string): Iterable<KeyHolder>;
  /** Whether a flow that waits for the key holds something, so that another could wait for it. */
  isInTheWay(key: string): boolean;
  /** Whether this process holds the key exclusively, so that no peer can. */
  holdsAlone(key: string): boolean;
}
