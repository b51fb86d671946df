import { SavepointLog } from '../../../lib/transaction/savepoint-log.js';

function recorded(...texts: readonly (string | { text: string })[]): number[] {
  const since: number[] = [];
  const sent: unknown[] = [];
  const sender = { query: (text: unknown) => sent.push(text), parse: (text: unknown) => sent.push(text) };
  const log = new SavepointLog(sender, (moment) => since.push(moment));
  for (const text of texts) (typeof text === 'string' ? sender.query : sender.parse)(text);
  expect(sent).toEqual(texts);
  expect(log.now).toBeGreaterThanOrEqual(0);
  return since;
}

describe('the log of savepoints', () => {
  it.each([
    ['one that it saw', ['SAVEPOINT a', 'SAVEPOINT b', 'ROLLBACK TO b'], [2]],
    [
      'an outer one, and again',
      ['SAVEPOINT a', 'SAVEPOINT b', 'ROLLBACK TO SAVEPOINT a', 'rollback to a'],
      [1, 1],
    ],
    ['one that it never saw', ['SAVEPOINT a', 'ROLLBACK WORK TO SAVEPOINT earlier'], [0]],
    ['a name used twice', ['SAVEPOINT a', 'SAVEPOINT a', 'RELEASE a', 'ROLLBACK TO a'], [1]],
    ['quoted names', ['SAVEPOINT "A b"', 'SAVEPOINT "a b"', 'ROLLBACK TO SAVEPOINT "A b"'], [1]],
    ['names in any case', ['savepoint Trx2;', 'ROLLBACK TO SAVEPOINT trx2;'], [1]],
    ['several statements in one text', ['SAVEPOINT a; SAVEPOINT b; ROLLBACK TO a'], [1]],
    ['a parsed statement', [{ text: 'SAVEPOINT a' }, { text: 'ROLLBACK TO a' }], [1]],
    ['no savepoint at all', ['ROLLBACK', 'COMMIT', "SELECT 'rollback'"], []],
  ])('knows what a rollback to %s takes back', (_, texts, since) => {
    expect(recorded(...texts)).toEqual(since);
  });
});
