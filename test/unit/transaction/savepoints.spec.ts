import { Savepoints } from '../../../lib/transaction/savepoints.js';
import { transactionSteps } from '../../../lib/transaction/transaction-steps.js';

/** What is taken back, step by step, where something is. */
function takenBack(...texts: readonly string[]): number[] {
  const savepoints = new Savepoints();
  return texts
    .flatMap(transactionSteps)
    .map((step) => savepoints.apply(step))
    .filter((since) => since !== undefined);
}

describe('the savepoints of a transaction', () => {
  it.each([
    ['one that it saw', ['SAVEPOINT a', 'SAVEPOINT b', 'ROLLBACK TO b'], [2]],
    ['an outer one, and again', ['SAVEPOINT a', 'SAVEPOINT b', 'ROLLBACK TO a', 'ROLLBACK TO a'], [1, 1]],
    ['one that it never saw', ['SAVEPOINT a', 'ROLLBACK TO earlier'], [0]],
    ['a name used twice', ['SAVEPOINT a', 'SAVEPOINT a', 'RELEASE a', 'ROLLBACK TO a'], [1]],
    ['quoted names', ['SAVEPOINT "A b"', 'SAVEPOINT "a b"', 'ROLLBACK TO "A b"'], [1]],
    ['nothing: it has ended', ['SAVEPOINT a', 'COMMIT AND CHAIN', 'SAVEPOINT b', 'ROLLBACK TO b'], [0, 1]],
  ])('know what is taken back by a rollback to %s', (_, texts, since) => {
    expect(takenBack(...texts)).toEqual(since);
  });

  it('know the innermost, which is what a statement that fails takes back', () => {
    const savepoints = new Savepoints();
    const innermost = ['SAVEPOINT a', 'SAVEPOINT b', 'ROLLBACK TO b', 'RELEASE b', 'RELEASE a'].map(
      (text) => {
        transactionSteps(text).forEach((step) => savepoints.apply(step));
        return savepoints.innermost;
      },
    );
    expect(innermost).toEqual([1, 2, 2, 1, 0]);
    expect(savepoints.now).toBe(2);
  });
});
