import fc from 'fast-check';
import { PgLockUsageError } from '../../../lib/errors/pg-lock-usage.error.js';
import { splitStatements, statementsOfMessage } from '../../../lib/explain/split/split-statements.js';
import { sqlTokens } from '../../../lib/sql/sql-tokens.js';
import { isDataStatement, statementKind } from '../../../lib/explain/split/statement-kind.js';

const split = (text: string) => splitStatements(text, 'a.sql').statements.map(({ sql }) => sql);
const failure = (text: string): string => {
  try {
    splitStatements(text, 'a.sql');
  } catch (error) {
    if (error instanceof PgLockUsageError) return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
};

/** Pieces in which a semicolon ends nothing. */
const PIECES = [
  `'a;b'`,
  `'it''s; here'`,
  String.raw`E'a\';b'`,
  String.raw`e'\\'`,
  String.raw`'back\'`,
  `U&'d\\0061;'`,
  `B'101'`,
  `"odd;name"`,
  `"say ""hi;"""`,
  `U&"d\\0061;"`,
  `$$a;b$$`,
  `$fn$ begin; $$ ; $$ end $fn$`,
  `/* a; /* b; */ c; */`,
  `-- a; b\n`,
  `(1;2)`,
  `$1`,
  `a$1`,
  `1.5e10`,
  `x::text`,
  `a[1:2]`,
  `@>`,
  `日本;語`.replace(';', ''),
];

describe('the splitter', () => {
  it('goes on with a string of escapes on the next line, and with no other', () => {
    expect(
      split(String.raw`SELECT E'a'
-- and
 'b\'; c'; SELECT 2`),
    ).toHaveLength(2);
    expect(
      split(String.raw`SELECT 'a'
 'b\'; SELECT 2`),
    ).toHaveLength(2);
    expect(split(String.raw`SELECT E'a' 'b\'; SELECT 2`)).toHaveLength(2);
  });

  it('reads strings by standard_conforming_strings, as the file sets it', () => {
    const text = String.raw`SET standard_conforming_strings = off; SELECT 'a\'; b'; SET standard_conforming_strings TO 'on'; SELECT 'c\'; SELECT 2`;
    expect(split(text)).toHaveLength(5);
  });

  it('leaves to the server what only psql reads, where it is a message', () => {
    expect(statementsOfMessage("CREATE TABLE t (); COPY t FROM STDIN; SELECT :'a'; \\d")).toHaveLength(4);
    expect(statementsOfMessage("SELECT 1; SELECT 'a")).toBeUndefined();
  });

  it('cuts at semicolons outside of strings, names, comments and parentheses', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 5 }), {
          minLength: 1,
          maxLength: 5,
        }),
        (statements) => {
          // Commas, since a string after a line break goes on with the one before it.
          const texts = statements.map((pieces) => `SELECT ${pieces.join(' , ')} x`);
          expect(split(`${texts.join(';\n')};`)).toEqual(texts);
        },
      ),
    );
  });

  it('has tokens that together are the whole text', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.constantFrom(' ', ';', '\n', '+'))),
        (pieces) => {
          // Commas, as above: of a string of escapes that goes on, the piece after it would be read as a part.
          const text = pieces.join(' , ');
          const tokens = [...sqlTokens(text)];
          expect(tokens.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text);
        },
      ),
    );
  });

  it('keeps the body of an SQL function together, with CASE in it', () => {
    const body = `CREATE OR REPLACE FUNCTION f(n int) RETURNS int
  BEGIN ATOMIC SELECT CASE n WHEN 1 THEN 2 ELSE 3 END; SELECT 4; END`;
    const procedure = `CREATE PROCEDURE p() BEGIN ATOMIC INSERT INTO t VALUES (1); END`;
    expect(split(`${body}; SELECT 1; ${procedure}; BEGIN; SELECT CASE WHEN true THEN 1 END; END`)).toEqual([
      body,
      'SELECT 1',
      procedure,
      'BEGIN',
      'SELECT CASE WHEN true THEN 1 END',
      'END',
    ]);
  });

  it('leaves out what is empty', () => {
    expect(split(' ; ;; -- nothing\n /* none */ ;\n')).toEqual([]);
  });

  it('says where each statement begins, whatever stands before it', () => {
    const { statements } = splitStatements('-- one\n\nSELECT 1;\n  /* two */ SELECT\n 2; SELECT 3', 'a.sql');
    expect(statements.map(({ line, column }) => [line, column])).toEqual([
      [3, 1],
      [4, 13],
      [5, 5],
    ]);
    expect(splitStatements("SELECT '😀'; SELECT 2", 'a.sql').statements[1]).toMatchObject({
      line: 1,
      column: 13,
    });
    expect(splitStatements('\ufeffSELECT 1', 'a.sql').statements[0]?.sql).toBe('SELECT 1');
  });

  it.each([
    ["SELECT 1;\n SELECT 'x", 'a.sql:2:9: a string begins here and has no end.'],
    ['SELECT "x', 'a.sql:1:8: a quoted name begins here and has no end.'],
    ['DO $a$ x $$', 'a.sql:1:4: a dollar-quoted string $a$ begins here and has no end.'],
    ['/* /* */', 'a.sql:1:1: a comment begins here and has no end.'],
  ])('refuses %j with its place', (text, message) => {
    expect(failure(text)).toBe(message);
  });

  it.each([
    ['SELECT 1;\n\\i other.sql', /^a\.sql:2:1: \\i is a command of psql/],
    ["INSERT INTO t VALUES (:'name')", /^a\.sql:1:23: this is a variable of psql/],
    [
      'SELECT 1;\nCOPY t (a) FROM STDIN WITH (FORMAT csv);\n1\n\\.',
      /^a\.sql:2:1: COPY … FROM STDIN|^a\.sql:4:1: \\\./,
    ],
    ['COPY t FROM stdin;', /^a\.sql:1:1: COPY … FROM STDIN/],
  ])('refuses what only psql can do: %j', (text, message) => {
    expect(failure(text)).toMatch(message);
  });

  it('takes a COPY of a file, and casts of strings', () => {
    expect(split('COPY t FROM \'/tmp/x\'; SELECT a::"Odd"')).toHaveLength(2);
  });

  it('finds what is allowed: above the statement, in it, behind it, and for the whole file', () => {
    const { allows, statements } = splitStatements(
      `-- pglock: allow H02 all of it

-- pglock: allow H07, no-lock-timeout small table
CREATE INDEX a ON t (b); -- pglock: allow H12 behind
ALTER TABLE t /* pglock: allow rewrite */ ADD c int;
SELECT 1;`,
      'a.sql',
    );
    expect(allows.map(({ hazards }) => hazards)).toEqual([['H02']]);
    expect(statements.map((one) => one.allows.flatMap(({ hazards }) => hazards))).toEqual([
      ['H07', 'no-lock-timeout', 'H12'],
      ['rewrite'],
      [],
    ]);
  });
});

describe('the kind of a statement', () => {
  it.each([
    ['BEGIN', 'begin'],
    ['start transaction isolation level serializable', 'begin'],
    ['COMMIT WORK', 'commit'],
    ['end', 'commit'],
    ["COMMIT PREPARED 'x'", 'outside'],
    ['rollback', 'rollback'],
    ['ROLLBACK TO SAVEPOINT a', 'plain'],
    ["PREPARE TRANSACTION 'x'", 'prepare'],
    ['CREATE UNIQUE INDEX CONCURRENTLY a ON t (b)', 'outside'],
    ['CREATE INDEX a ON t (b)', 'plain'],
    ['REINDEX TABLE CONCURRENTLY t', 'outside'],
    ['REINDEX (VERBOSE, CONCURRENTLY) TABLE t', 'outside'],
    ['REINDEX TABLE t', 'perhaps'],
    ['VACUUM', 'outside'],
    ['ANALYZE t', 'plain'],
    ['ALTER TABLE t DETACH PARTITION p CONCURRENTLY', 'outside'],
    ['ALTER TABLE t DETACH PARTITION p FINALIZE', 'plain'],
    ['/* c */ DROP INDEX CONCURRENTLY a', 'outside'],
    ["ALTER TYPE e ADD VALUE 'x'", 'plain'],
  ])('of %s is %s', (sql, kind) => {
    expect(statementKind(sql)).toBe(kind);
  });

  it('tells statements of data from others', () => {
    expect(['SELECT 1', '(SELECT 1)', 'with x as (select 1) delete from t'].every(isDataStatement)).toBe(
      true,
    );
    expect(['CREATE TABLE t ()', 'LOCK t', 'DO $$ $$'].some(isDataStatement)).toBe(false);
  });
});
