import { isRecord } from '../peers/peer-message.js';
import type { PeerQuestionKind, Peers } from '../peers/peers.js';
import type { EventSink } from '../vocabulary/pg-lock-event.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { NamedKey } from './lock-names.js';
import { RecentMap } from '../vocabulary/recent-map.js';

interface Use {
  readonly key: string;
  readonly permits: number;
}

/** "I use this id with so many permits. Do you know of fewer?" */
const PERMITS: PeerQuestionKind<Use, number> = {
  name: 'permits?',
  readQuestion: readUse,
  readAnswer: (body) => (isCount(body) ? body : undefined),
};

/** How many ids are remembered. */
const MOST = 2_000;
/** For how long an answer, or the lack of one, is relied on. */
const VALID_MS = 10_000;
const ANSWERS_WITHIN_MS = 50;

interface Known {
  /** The fewest that any process has used of late. */
  readonly fewest: number;
  readonly until: number;
  readonly hasWarned: boolean;
}

/**
 * How many permits an id has: all processes are to agree, and where they do not, the smallest number holds. Peers are asked when a
 * permit is found taken, once in ten seconds for each id.
 *
 * @internal
 */
export class PermitLimits {
  private readonly known = new RecentMap<string, Known>(MOST);
  private readonly used = new RecentMap<string, number>(MOST);
  private readonly asking = new Map<string, Promise<void>>();

  constructor(
    private readonly peers: Peers,
    private readonly emit: EventSink,
  ) {
    peers.answer(PERMITS, ({ key, permits }) => {
      const own = this.used.get(key);
      if (own === undefined) return undefined;
      if (own > permits) this.note(key, permits, key, own);
      return own < permits ? own : undefined;
    });
  }

  /** How many there are, as far as is known, for a call that means so many. */
  of(key: LockKey, permits: number): number {
    const own = this.used.get(key.text);
    this.used.set(key.text, Math.min(permits, own ?? permits));
    const known = this.known.get(key.text);
    const fewest = known !== undefined && known.until > performance.now() ? known.fewest : permits;
    return Math.min(permits, fewest);
  }

  /** Asks peers, where that was not done of late. */
  async learn({ id, key }: NamedKey, permits: number): Promise<void> {
    const { text } = key;
    const known = this.known.get(text);
    if (known !== undefined && known.until > performance.now()) return;
    const asked =
      this.asking.get(text) ?? this.ask(id, text, permits).finally(() => this.asking.delete(text));
    this.asking.set(text, asked);
    await asked;
  }

  private async ask(id: unknown, key: string, permits: number): Promise<void> {
    const how = { waitMs: ANSWERS_WITHIN_MS };
    const answers = await this.peers.ask(PERMITS, { key, permits }, how).catch(() => []);
    this.note(key, Math.min(permits, ...answers.map(({ body }) => body)), id, permits);
  }

  private note(key: string, fewest: number, id: unknown, own: number): void {
    const known = this.known.get(key);
    const differs = fewest < own;
    const hasWarned = known?.hasWarned === true || differs;
    this.known.set(key, { fewest, until: performance.now() + VALID_MS, hasWarned });
    if (differs && known?.hasWarned !== true)
      this.emit({ type: 'permitsDiffer', id, permits: [fewest, own] });
  }
}

function readUse(body: unknown): Use | undefined {
  if (!isRecord(body)) return undefined;
  const { key, permits } = body;
  return typeof key === 'string' && key.length <= 24 && isCount(permits) ? { key, permits } : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
