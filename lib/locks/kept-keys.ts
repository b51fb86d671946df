import type { LockStore } from '../session/lock-store.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import type { KeyQueues } from './key-queues.js';
import type { NamedKey } from './lock-names.js';

/** A run that begins meanwhile keeps its lock again. */
const LENT_EVERY_MS = 2_000;

/** The keys that are kept between runs and not used, here and in other processes: lent to those that ask. @internal */
export class KeptKeys {
  constructor(
    private readonly queues: Pick<KeyQueues, 'find'>,
    private readonly store: LockStore,
  ) {}

  /** Releases what is kept here, once no flow uses it. Resolves when the server has, where none does. */
  async lend(named: readonly Pick<NamedKey, 'key'>[]): Promise<void> {
    await Promise.all(named.flatMap(({ key }) => this.queues.find(key)?.unstick() ?? []));
  }

  /** For a transaction that waits: what is kept here is lent, and asked for elsewhere, until what it gives is called. */
  askFor(named: readonly NamedKey[]): () => void {
    const lend = () => void this.lend(named);
    const timer = outsideFlows(() => setInterval(lend, LENT_EVERY_MS).unref());
    const stops = named.map(({ key }) => this.store.askFor?.(key));
    lend();
    return () => {
      clearInterval(timer);
      for (const stop of stops) stop?.();
    };
  }
}
