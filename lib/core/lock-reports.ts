import type { AdvisoryLocks } from '../locks/advisory-locks.js';
import type { LockNames } from '../locks/lock-names.js';
import { allKnown } from '../peers/ask-all.js';
import { isRecord } from '../peers/peer-message.js';
import type { Peers } from '../peers/peers.js';
import {
  SealedQuestions,
  type FittedAnswer,
  type SealedKind,
  type TrustedAnswer,
} from '../peers/sealed-questions.js';
import { LockKey } from '../vocabulary/lock-id.js';
import { keyOfText } from '../vocabulary/lock-key-text.js';

/** What a process knows of a lock that it holds, and the server does not. @internal */
export interface LockReport {
  /** `classId:objId:objSubId`. */
  readonly key: string;
  /** The backend that holds it. */
  readonly pid: number;
  /** Since when. */
  readonly since: Date;
  /** How many calls of that process wait for it, behind this lock. */
  readonly waiting: number;
}

/** A report, and the backend that has made it: for that one the server vouches. @internal */
export interface ToldReport extends LockReport {
  readonly speaker: number;
  /** The id that the lock was asked for by; undefined where it is no text, or not for this process to know. */
  readonly name?: string | undefined;
}

interface ToldLock {
  readonly key: string;
  readonly name: string | undefined;
  readonly pid: number;
  readonly since: number;
  /** For how long it has been held, in milliseconds: clocks of two hosts differ. Undefined where it was not told. */
  readonly heldMs: number | undefined;
  readonly waiting: number;
}

/** `keys` asks for these only, whichever else are held. */
interface LocksQuestion {
  readonly keys?: readonly string[] | undefined;
}

const ANSWERS_WITHIN_MS = 300;
/** More than fit into one message at any rate. */
const MOST = 256;

/** As many keys as fit into one question. */
const MOST_ASKED = 150;

const LOCKS: SealedKind<LocksQuestion, readonly ToldLock[]> = {
  name: 'locks?',
  readQuestion: (body) => (isRecord(body) ? { keys: readKeys(body['keys']) } : undefined),
  readAnswer: (body) => (Array.isArray(body) ? body.flatMap(readLock) : undefined),
};

/** What the module stands on. @internal */
export interface LockReportsInit {
  readonly peers: Peers;
  readonly advisory: Pick<AdvisoryLocks, 'held'>;
  readonly names: LockNames;
}

/**
 * What the processes of one database say of the locks that they hold: names, since when, and who waits within them. Names of ids
 * may be personal, as statements are; they are told to those only whom the server would show our statements.
 *
 * @internal
 */
export class LockReports {
  private readonly sealed: SealedQuestions;

  constructor(private readonly init: LockReportsInit) {
    this.sealed = new SealedQuestions(init.peers);
    this.sealed.answer(LOCKS, ({ keys }, _from, trusted) => this.answer(trusted, keys));
  }

  /** Of this process, and of all that answer within 300 ms. Their names are known here from then on. Never rejects. */
  async find(): Promise<readonly LockReport[]> {
    const { peers } = this.init;
    const stop = peers.keepListening();
    try {
      const answers = await this.ask({});
      const trusted = answers.flatMap(({ body, trusted: isTrusted }) => (isTrusted ? body : []));
      for (const lock of trusted) this.learn(lock);
      return [...this.own(), ...trusted].map(reportOf);
    } catch {
      return this.own().map(reportOf);
    } finally {
      stop();
    }
  }

  /** What other processes say of these keys; the caller decides whether to believe it. Rejects where none can be asked. */
  async findOf(keys: readonly string[]): Promise<readonly ToldReport[]> {
    const stop = this.init.peers.keepListening();
    try {
      const answers = await this.ask(keys.length > MOST_ASKED ? {} : { keys });
      return answers.flatMap(({ body, from }) =>
        body.map((lock) => ({ ...reportOf(lock), name: lock.name, speaker: from.pid })),
      );
    } finally {
      stop();
    }
  }

  private ask(question: LocksQuestion): Promise<readonly TrustedAnswer<readonly ToldLock[]>[]> {
    const isEnough = allKnown(this.init.peers);
    return this.sealed.ask(LOCKS, question, { waitMs: ANSWERS_WITHIN_MS, isEnough });
  }

  private answer(
    trusted: boolean,
    keys: LocksQuestion['keys'],
  ): FittedAnswer<ToldLock, readonly ToldLock[]> | undefined {
    const bare = (lock: ToldLock) => ({ ...lock, name: undefined });
    const own = this.own(keys);
    const items = trusted ? own : own.map(bare);
    return { items, shorten: bare, of: (some) => some };
  }

  /** Those that calls wait for first, then those that have been held for longest. */
  private own(keys?: readonly string[]): readonly ToldLock[] {
    const { advisory, names } = this.init;
    return advisory
      .held()
      .filter(({ key }) => keys?.includes(key.text) ?? true)
      .sort((one, other) => other.waiting - one.waiting || one.since.getTime() - other.since.getTime())
      .slice(0, MOST)
      .map(({ key, pid, since, waiting }) => {
        const name = names.nameOf(key.toAdvisoryKey());
        const told = typeof name === 'string' ? name : undefined;
        const heldMs = Math.max(0, Math.round(Date.now() - since.getTime()));
        return { key: key.text, name: told, pid, since: since.getTime(), heldMs, waiting };
      });
  }

  private learn({ key, name }: ToldLock): void {
    const known = keyOfText(key);
    if (known !== undefined && name !== undefined) this.init.names.call(LockKey.ofAdvisoryKey(known), name);
  }
}

function reportOf({ key, pid, since, heldMs, waiting }: ToldLock): LockReport {
  return { key, pid, since: new Date(heldMs === undefined ? since : Date.now() - heldMs), waiting };
}

function readKeys(raw: unknown): readonly string[] | undefined {
  if (!Array.isArray(raw) || raw.length > MOST_ASKED) return undefined;
  return raw.filter((key): key is string => typeof key === 'string');
}

function readLock(raw: unknown): ToldLock[] {
  if (!isRecord(raw)) return [];
  const { key, name, pid, since, heldMs, waiting } = raw;
  if (typeof key !== 'string' || !/^\d{1,10}:\d{1,10}:[12]$/.test(key)) return [];
  if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(since) || !Number.isSafeInteger(waiting)) return [];
  const told = typeof name === 'string' && name.length <= 256 ? name : undefined;
  const held = Number.isSafeInteger(heldMs) && (heldMs as number) >= 0 ? (heldMs as number) : undefined;
  return [
    {
      ...{ key, name: told, heldMs: held },
      ...{ pid: pid as number, since: since as number, waiting: waiting as number },
    },
  ];
}
