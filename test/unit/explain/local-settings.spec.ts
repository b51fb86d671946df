import type { ExplainSession } from '../../../lib/explain/run/explain-session.js';
import { LocalSettings } from '../../../lib/explain/run/local-settings.js';
import type { Statement } from '../../../lib/sql/statement.js';

/** A session whose settings are a map: `SET LOCAL` changes it, and so does what is sent. */
function fakeSession(settings: Map<string, string>) {
  const query = ({ text, values = [] }: Statement) => {
    const [name, value] = values as readonly string[];
    if (text.includes('set_config')) settings.set(name as string, value as string);
    return Promise.resolve([{ value: settings.get(name as string) ?? null }]);
  };
  return { query } as unknown as ExplainSession;
}

describe('what SET LOCAL has changed', () => {
  it.each([
    ['lock_timeout', ["SET LOCAL lock_timeout = '1s'", "SET LOCAL lock_timeout = '2s'"]],
    ['timezone', ["SET LOCAL TIME ZONE 'Asia/Tokyo'", 'set local time zone 1', 'SET LOCAL timezone TO 2']],
    ['search_path', ["SET LOCAL SCHEMA 'billing'", 'SET LOCAL search_path = orders']],
    ['client_encoding', ["SET LOCAL NAMES 'LATIN1'"]],
    ['app.tenant', ["SET LOCAL app.tenant = '7'"]],
    [
      'app.module.tenant',
      ['SET LOCAL app.module.tenant TO DEFAULT', "SET LOCAL app . module . tenant = '7'"],
    ],
  ])('%s, is what it was before the transaction', async (name, statements) => {
    const settings = new Map([[name, 'before']]);
    const [session, locals] = [fakeSession(settings), new LocalSettings()];
    for (const statement of statements) {
      await locals.note(statement, session);
      settings.set(name, statement);
    }
    expect(locals.has(name)).toBe(true);
    await locals.putBack(session);
    expect(settings.get(name)).toBe('before');
    expect(locals.has(name)).toBe(false);
  });

  it.each(['SET LOCAL TRANSACTION READ ONLY', "SET lock_timeout = '1s'", 'SELECT 1'])(
    'is nothing after %s',
    async (statement) => {
      const settings = new Map([['transaction', 'before']]);
      const locals = new LocalSettings();
      await locals.note(statement, fakeSession(settings));
      expect(['transaction', 'lock_timeout'].some((name) => locals.has(name))).toBe(false);
    },
  );
});
