import { readSettingValue, setLocalSetting } from '../../sql/explain-session.js';
import { sqlWords, type SqlWord } from '../split/sql-words.js';
import type { ExplainSession } from './explain-session.js';

/** Settings that begin with several words, or are called by another name. */
const NAMES: Readonly<Record<string, string | undefined>> = {
  time: 'timezone',
  session: 'session_authorization',
  names: 'client_encoding',
  schema: 'search_path',
  xml: 'xmloption',
};

/** As many as `SET LOCAL app.module.tenant` has, and more. */
const WORDS = 10;

/** What `SET LOCAL` has changed: it ends with a COMMIT that is not sent, so that it is put back by hand. @internal */
export class LocalSettings {
  readonly #before = new Map<string, string>();

  /** To be called before a statement runs. */
  async note(sql: string, session: ExplainSession): Promise<void> {
    const [set, local, ...words] = sqlWords(sql, WORDS);
    if (set?.text !== 'set' || local?.text !== 'local' || words[0]?.kind !== 'word') return;
    const setting = settingOf(words);
    if (setting === 'transaction' || this.#before.has(setting)) return;
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

/** One of an application's own has parts: `app.tenant`. */
function settingOf([first, ...rest]: readonly SqlWord[]): string {
  const parts = [first?.text ?? ''];
  for (let at = 0; rest[at]?.text === '.'; at += 2) parts.push(rest[at + 1]?.text ?? '');
  return parts.length === 1 ? (NAMES[parts[0] as string] ?? (parts[0] as string)) : parts.join('.');
}
