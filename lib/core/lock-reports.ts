import type { AdvisoryLocks } from '../locks/advisory-locks.js';
import type { LockNames } from '../locks/lock-names.js';
import { allKnown } from '../peers/ask-all.js';
import { isRecord } from '../peers/peer-message.js';
import type { Peers } from '../peers/peers.js';
import { SealedQuestions, type FittedAnswer, type SealedKind } from '../peers/sealed-questions.js';
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

interface ToldLock {
  readonly key: string;
  readonly name: string | undefined;
  readonly pid: number;
  readonly since: number;
  readonly waiting: number;
}

const ANSWERS_WITHIN_MS = 300;
/** More than fit into one message at any rate. */
const MOST = 256;

const LOCKS: SealedKind<Record<string, never>, readonly ToldLock[]> = {
  name: 'locks?',
  readQuestion: (body) => (isRecord(body) ? {} : undefined),
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
    this.sealed.answer(LOCKS, (_question, _from, trusted) => this.answer(trusted));
  }

  /** Of this process, and of all that answer within 300 ms. Their names are known here from then on. Never rejects. */
  async find(): Promise<readonly LockReport[]> {
    const { peers } = this.init;
    const stop = peers.keepListening();
    try {
      const answers = await this.sealed.ask(
        LOCKS,
        {},
        {
          waitMs: ANSWERS_WITHIN_MS,
          isEnough: allKnown(peers),
        },
      );
      const trusted = answers.flatMap(({ body, trusted: isTrusted }) => (isTrusted ? body : []));
      for (const lock of trusted) this.learn(lock);
      return [...this.own(), ...trusted].map(reportOf);
    } catch {
      return this.own().map(reportOf);
    } finally {
      stop();
    }
  }

  private answer(trusted: boolean): FittedAnswer<ToldLock, readonly ToldLock[]> | undefined {
    const bare = (lock: ToldLock) => ({ ...lock, name: undefined });
    const own = this.own();
    const items = trusted ? own : own.map(bare);
    return { items, shorten: bare, of: (some) => some };
  }

  /** Those that calls wait for first, then those that have been held for longest. */
  private own(): readonly ToldLock[] {
    const { advisory, names } = this.init;
    return advisory
      .held()
      .sort((one, other) => other.waiting - one.waiting || one.since.getTime() - other.since.getTime())
      .slice(0, MOST)
      .map(({ key, pid, since, waiting }) => {
        const name = names.nameOf(key.toAdvisoryKey());
        const told = typeof name === 'string' ? name : undefined;
        return { key: key.text, name: told, pid, since: since.getTime(), waiting };
      });
  }

  private learn({ key, name }: ToldLock): void {
    const known = keyOfText(key);
    if (known !== undefined && name !== undefined) this.init.names.call(LockKey.ofAdvisoryKey(known), name);
  }
}

function reportOf({ key, pid, since, waiting }: ToldLock): LockReport {
  return { key, pid, since: new Date(since), waiting };
}

function readLock(raw: unknown): ToldLock[] {
  if (!isRecord(raw)) return [];
  const { key, name, pid, since, waiting } = raw;
  if (typeof key !== 'string' || !/^\d{1,10}:\d{1,10}:[12]$/.test(key)) return [];
  if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(since) || !Number.isSafeInteger(waiting)) return [];
  const told = typeof name === 'string' && name.length <= 256 ? name : undefined;
  return [{ key, name: told, pid: pid as number, since: since as number, waiting: waiting as number }];
}
