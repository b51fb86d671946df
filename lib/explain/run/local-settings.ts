import { readSettingValue, setLocalSetting } from '../../sql/explain-session.js';
import { sqlWords } from '../split/sql-words.js';
import type { ExplainSession } from './explain-session.js';

/** Settings that begin with several words, or are called by another name. */
const NAMES: Readonly<Record<string, string>> = { time: 'timezone', session: 'session_authorization' };

/** What `SET LOCAL` has changed: it ends with a COMMIT that is not sent, so that it is put back by hand. @internal */
export class LocalSettings {
  readonly #before = new Map<string, string>();

  /** To be called before a statement runs. */
  async note(sql: string, session: ExplainSession): Promise<void> {
    const [set, local, name] = sqlWords(sql, 3);
    if (set?.text !== 'set' || local?.text !== 'local' || name?.kind !== 'word') return;
    if (name.text === 'transaction' || this.#before.has(name.text)) return;
    const setting = NAMES[name.text] ?? name.text;
    const [row] = await session.query<{ value: string | null }>(readSettingValue(setting));
    if (typeof row?.value === 'string') this.#before.set(setting, row.value);
  }

  /** Whether the transaction has changed that setting for itself. */
  has(setting: string): boolean {
    return this.#before.has(setting);
  }

  /** The transaction is over, as far as the file knows. */
  async putBack(session: ExplainSession): Promise<void> {
    for (const [name, value] of this.#before) await session.query(setLocalSetting(name, value));
    this.forget();
  }

  /** The transaction is over. */
  forget(): void {
    this.#before.clear();
  }
}
