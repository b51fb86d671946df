import { transactionSteps } from '../../../lib/transaction/transaction-steps.js';

const read = (text: string) =>
  transactionSteps(text).map((step) => (step.kind === 'end' ? 'end' : `${step.kind} ${step.name}`));

describe('the steps that a text takes in a transaction', () => {
  it.each([
    ['SAVEPOINT a', ['savepoint a']],
    ['savepoint Trx2;', ['savepoint trx2']],
    ['RELEASE a; RELEASE SAVEPOINT "A ""b"', ['release a', 'release A "b']],
    ['RELEASE SAVEPOINT', ['release savepoint']],
    ['ROLLBACK TO a; rollback work to savepoint A', ['rollback to a', 'rollback to a']],
    ['ROLLBACK TRANSACTION TO SAVEPOINT "a b"', ['rollback to a b']],
    [
      'COMMIT; END WORK; ROLLBACK; ABORT AND CHAIN; PREPARE TRANSACTION $$x$$',
      ['end', 'end', 'end', 'end', 'end'],
    ],
    ['ROLLBACK WORK AND CHAIN', ['end']],
    ['SELECT 1; SAVEPOINT/* a */b; -- COMMIT\n INSERT INTO t VALUES (1)', ['savepoint b']],
    ['/* /* SAVEPOINT a; */ COMMIT; */ RELEASE -- c\n b', ['release b']],
    ["SELECT 'x; SAVEPOINT a'; SELECT ''';COMMIT'", []],
    ["SELECT E'it\\'s; COMMIT'; SAVEPOINT a", ['savepoint a']],
    ['SELECT $$;COMMIT;$$, $x$;ROLLBACK; $$ $x$; SAVEPOINT a', ['savepoint a']],
    ['SELECT "commit;rollback" FROM commit', []],
    [
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END; ROLLBACK TO a',
      ['rollback to a'],
    ],
    ["COMMIT; SELECT 'without an end", []],
    ['PREPARE plan AS SELECT 1; COMMENT ON TABLE end IS $$ $$', []],
    ['', []],
    ['/* a */ -- b\n SELECT CASE WHEN commit THEN 1 END', []],
    ['/* SELECT */ -- SELECT\r COMMIT', ['end']],
    ['/* /* SELECT */ SELECT */ ROLLBACK TO a', ['rollback to a']],
    ['-- SELECT COMMIT', []],
    ['committed', []],
  ])('%s', (text, steps) => expect(read(text)).toEqual(steps));

  it('cuts names where the server cuts them', () => {
    const [kept, longer] = ['x'.repeat(63), 'x'.repeat(70)];
    expect(read(`SAVEPOINT ${longer}`)).toEqual(read(`SAVEPOINT ${kept}`));
  });

  it.each([
    ['a string', `SELECT '${'x'.repeat(2 ** 24)}'`],
    ['a string with escapes', `SELECT E'${'\\n'.repeat(2 ** 23)}'`],
    ['a comment', `/* ${'x'.repeat(2 ** 24)} */`],
  ])('are found behind %s of many megabytes', (_, long) => {
    expect(read(`${long}; SAVEPOINT a`)).toEqual(['savepoint a']);
  });
});
