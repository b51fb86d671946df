import type { LockStore } from '../session/lock-store.js';
import { outsideFlows } from '../vocabulary/flow-variable.js';
import { LockKey, type AdvisoryKey } from '../vocabulary/lock-id.js';
import type { KeyQueues } from './key-queues.js';
import type { NamedKey } from './lock-names.js';

/** A run that begins meanwhile keeps its lock again. */
const LENT_EVERY_MS = 2_000;

/** The keys that are kept between runs and not used, here and in other processes: lent to those that ask. @internal */
export class KeptKeys {
  constructor(
    private readonly queues: KeyQueues,
    private readonly store: LockStore,
  ) {}

  /** Those that are kept here, and that no work uses. */
  unused(): readonly LockKey[] {
    return [...this.queues].filter(({ isKept }) => isKept).map(({ key }) => key);
  }

  /** Releases a key, where it is kept here and no work uses it. */
  lendUnused(key: AdvisoryKey): void {
    const queue = this.queues.find(LockKey.ofAdvisoryKey(key));
    if (queue?.isKept === true) void queue.unstick();
  }

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
