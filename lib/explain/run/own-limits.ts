import { setLocalSetting, setSessionTimeout } from '../../sql/explain-session.js';
import type { Look } from '../../sql/explain-look.js';
import { sqlWords } from '../split/sql-words.js';
import type { ExplainSession } from './explain-session.js';

/** How long a statement waits for locks on the database that it is tried on, in milliseconds. @internal */
export const OWN_LOCK_TIMEOUT_MS = 5_000;

/**
 * The limits under which statements are tried, and those that the file itself sets: it may not have the run wait without an end, nor
 * cut a look of ours short.
 *
 * @internal
 */
export class OwnLimits {
  readonly #session: ExplainSession;
  /** What the file itself waits at the most; 0 is without a limit. */
  #fileMs = 0;
  /** The same before the file's transaction. */
  #beforeMs = 0;
  #limitsStatements = false;

  constructor(session: ExplainSession) {
    this.#session = session;
  }

  async begin(): Promise<void> {
    await this.#session.query(setSessionTimeout(OWN_LOCK_TIMEOUT_MS));
  }

  /** A transaction of the file is over. @param undone what it has set does not hold. */
  ended(undone: boolean): void {
    if (undone) this.#fileMs = this.#beforeMs;
    this.#beforeMs = this.#fileMs;
  }

  /** Looks at what the session did. */
  look(sql: string): Promise<Look> {
    this.#limitsStatements ||= says(sql, /statement_timeout/i);
    return this.unlimited(() => this.#session.look());
  }

  /** Does work of ours without the `statement_timeout` of the file. */
  async unlimited<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#limitsStatements) return work();
    const before = await this.#session.replaceSetting('statement_timeout', '0');
    const done = await work();
    await this.#session.query(setLocalSetting('statement_timeout', before));
    return done;
  }

  /** @returns the `lock_timeout` of the file after that statement: ours does not count, the migration in production does not have it. */
  async lockTimeoutMs(sql: string, { lockTimeoutMs: found }: Look): Promise<number> {
    if (found !== OWN_LOCK_TIMEOUT_MS || says(sql, /\block_timeout\b/i)) this.#fileMs = found;
    if (found === 0 || found > OWN_LOCK_TIMEOUT_MS) await this.begin();
    return this.#fileMs;
  }
}

/** Whether a statement says it outside of its comments. */
function says(sql: string, pattern: RegExp): boolean {
  return pattern.test(sql) && sqlWords(sql).some(({ text }) => pattern.test(text));
}
