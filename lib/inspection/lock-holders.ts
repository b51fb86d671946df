import type { LockHolder } from '../errors/lock-not-available.error.js';
import { holderOf } from '../sql/inspection-holder.js';
import type { LockKey } from '../vocabulary/lock-id.js';
import type { Observer } from './observer.js';

/** A refusal is not held up for longer than this by the question who is to blame. */
const ANSWER_WITHIN_MS = 60;
/** As long an answer is given again: refusals come in storms. */
const KEPT_MS = 1_000;
const MOST_KEPT = 1_000;

interface Look {
  readonly at: number;
  readonly holder: Promise<LockHolder | undefined>;
}

/**
 * Who holds an advisory lock, for the error that says that it was not acquired. Asked on the inspection connection, and only where
 * an error is thrown: a skip costs nothing. Questions for one key share an answer for a second.
 *
 * @internal
 */
export class LockHolders {
  readonly #looks = new Map<string, Look>();

  constructor(private readonly observer: Observer) {}

  /** The holder, other than the backend that asked; undefined where it cannot be told in time. Never rejects. */
  find(key: LockKey, askedBy = 0): Promise<LockHolder | undefined> {
    const now = performance.now();
    const question = `${key.text}/${askedBy}`;
    const known = this.#looks.get(question);
    if (known !== undefined && now - known.at < KEPT_MS) return soon(known.holder);
    if (this.#looks.size >= MOST_KEPT) this.#looks.clear();
    // An answer that comes too late is there for the next.
    const holder = this.#ask(key, askedBy).catch(() => undefined);
    this.#looks.set(question, { at: now, holder });
    return soon(holder);
  }

  async #ask({ classId, objId, objSubId }: LockKey, askedBy: number): Promise<LockHolder | undefined> {
    const [row] = await this.observer.query<Record<keyof LockHolder, string | null>>(
      holderOf(classId, objId, objSubId, askedBy),
    );
    if (row === undefined) return undefined;
    const { pid, applicationName, clientAddress } = row;
    return Object.freeze({ pid: Number(pid), applicationName, clientAddress });
  }
}

function soon<T>(asked: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve) => {
    const impatience = setTimeout(() => resolve(undefined), ANSWER_WITHIN_MS);
    const done = (answer: T | undefined): void => {
      clearTimeout(impatience);
      resolve(answer);
    };
    asked.then(done, () => done(undefined));
  });
}
