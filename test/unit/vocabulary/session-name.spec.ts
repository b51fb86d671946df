import fc from 'fast-check';
import { readSessionName, sessionName } from '../../../lib/vocabulary/session-name.js';

describe('the name of a connection of the library', () => {
  it('keeps the name of the application before what the connection is for', () => {
    expect(sessionName('orders-api', 'locks')).toBe('orders-api pglock:locks');
    expect(sessionName(undefined, 'prioritize')).toBe('pglock:prioritize');
    expect(sessionName('', 'prioritize')).toBe('pglock:prioritize');
  });

  it('is printable ASCII of at most 63 bytes, and its end is always whole', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 120 }),
        fc.constantFrom('locks', 'inspection'),
        (name, purpose) => {
          const made = sessionName(name, purpose);
          expect(made).toMatch(/^[\x20-\x7e]{1,63}$/);
          expect(readSessionName(made)?.purpose).toBe(purpose);
        },
      ),
    );
    expect(sessionName('x'.repeat(99), 'locks')).toBe(`${'x'.repeat(50)} pglock:locks`);
    expect(sessionName('größe\n', 'locks')).toBe('gr??e? pglock:locks');
  });

  it('is read back, and told from the names of others', () => {
    expect(readSessionName('orders api pglock:locks')).toEqual({
      application: 'orders api',
      purpose: 'locks',
    });
    expect(readSessionName('pglock:locks')).toEqual({ application: '', purpose: 'locks' });
    for (const name of ['', 'psql', 'xpglock:locks', 'pglock:locks ', 'pglock:', 'locks'])
      expect(readSessionName(name)).toBeUndefined();
  });
});
