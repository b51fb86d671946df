import fc from 'fast-check';
import { allOf, columnOf, type Predicate } from '../../../lib/sql/inspection-predicate.js';
import { BLOCKED_ATTRIBUTES, LOCK_ATTRIBUTES } from '../../../lib/sql/inspection-attributes.js';
import { countRows, findRows, type RowQuery } from '../../../lib/sql/inspection-query.js';
import { prepareLockSession } from '../../../lib/sql/lock-session.js';
import { lockTables } from '../../../lib/sql/model-lock.js';
import { prepareObserverSession } from '../../../lib/sql/observer-session.js';
import { limitWaits, restoreWaits, setLocalLockTimeout } from '../../../lib/sql/settings.js';
import {
  keepsSnapshot,
  setLocal,
  shownMs,
  shownTimeout,
} from '../../../lib/sql/settings-without-snapshot.js';
import { restoreSessionLockTimeout, setSessionLockTimeout } from '../../../lib/sql/settings-session.js';
import { StatementValues } from '../../../lib/sql/statement-values.js';
import { beginning } from '../../../lib/sql/transaction.js';
import { savepoint } from '../../../lib/sql/transaction-savepoint.js';

/** The highest placeholder in a text. */
const placeholders = (text: string) =>
  Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n)));

describe('lock timeouts', () => {
  it('say 0 to the server for "for ever" only', () => {
    expect(setLocalLockTimeout(null).values).toEqual(['0']);
    expect(setLocalLockTimeout(0).values).toEqual(['1']);
    expect(setSessionLockTimeout(3_000, 5).values).toEqual(['3000', 5]);
    expect(setSessionLockTimeout(null, null).values).toEqual(['0', null]);
  });

  it('limit a statement over several locks as a whole, and leave it alone where there is no limit', () => {
    expect(limitWaits(100).values).toEqual(['100', '110']);
    expect(limitWaits(null).values).toEqual(['0', '0']);
  });

  it.each([
    ['0', 0],
    ['1500ms', 1500],
    ['2s', 2_000],
    ['90min', 5_400_000],
    ['36h', 129_600_000],
    ['1d', 86_400_000],
  ])('are read as SHOW spells them, wherever a hook has put them: %s', (shown, milliseconds) => {
    for (const answer of [
      { command: 'SHOW', rowCount: 1, rows: [{ lock_timeout: shown }] },
      [{ LOCKTIMEOUT: shown.toUpperCase() }],
      [[Buffer.from(shown)]],
      { data: [[shown]] },
    ])
      expect(shownTimeout(answer)).toBe(shown);
    expect(shownMs(shown)).toBe(milliseconds);
  });

  it('are not taken for what a hook has made of them', () => {
    for (const answer of [
      { rows: [] },
      [{ lock_timeout: 5 }],
      'sm0051',
      undefined,
      [{ lock_timeout: '5 s' }],
    ])
      expect(shownTimeout(answer)).toBeUndefined();
    expect(keepsSnapshot([{ transaction_isolation: 'read committed' }])).toBe(false);
    expect(keepsSnapshot({ rows: [{ Isolation: 'SERIALIZABLE' }] })).toBe(true);
  });

  it('give the former value back as the server spelled it', () => {
    expect(setLocal('lock_timeout', '1500ms').text).toBe("SET LOCAL lock_timeout = '1500ms'");
    expect(restoreWaits({ locktimeout: '2s', statementtimeout: '0' }).values).toEqual(['2s', '0']);
    expect(restoreSessionLockTimeout('7s').values).toEqual(['7s']);
    expect(restoreSessionLockTimeout(null)).toEqual({ text: 'RESET lock_timeout' });
  });
});

describe('transactions', () => {
  it.each([
    [{}, 'BEGIN'],
    [{ isolation: 'SERIALIZABLE', readOnly: true } as const, 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY'],
    [{ lockTimeoutMs: 250 }, 'BEGIN; SET LOCAL lock_timeout = 250'],
    [{ lockTimeoutMs: null }, 'BEGIN; SET LOCAL lock_timeout = 0'],
  ])('begin with %p', (options, text) => {
    expect(
      beginning(options)
        .map((statement) => statement.text)
        .join('; '),
    ).toBe(text);
  });

  it('have savepoints whose three statements name the same one', () => {
    const { open, rollBackTo, release } = savepoint(7);
    const names = [open, rollBackTo, release].map(({ text }) => /"[^"]+"$/.exec(text)?.[0]);
    expect(new Set(names)).toEqual(new Set(['"nestjs-pglock 7"']));
  });

  it('lock tables in one statement', () => {
    expect(lockTables(['"a"', '"b"."c"'], 'SHARE', false).text).toBe('LOCK TABLE "a", "b"."c" IN SHARE MODE');
    expect(lockTables(['"a"'], 'ACCESS EXCLUSIVE', true).text).toBe(
      'LOCK TABLE "a" IN ACCESS EXCLUSIVE MODE NOWAIT',
    );
  });
});

describe('sessions', () => {
  it.each([
    [130_000, false, false],
    [140_000, true, false],
    [170_000, true, true],
  ])('of server %i get the settings that it knows', (version, idle, transaction) => {
    const lock = prepareLockSession(version, 5_000, 0).text;
    const observer = String(prepareObserverSession(version, 5_000).values);
    for (const settings of [lock, observer]) {
      expect(settings.includes('idle_session_timeout')).toBe(idle);
      expect(settings.includes('transaction_timeout')).toBe(transaction);
    }
    expect(lock.includes('client_connection_check_interval')).toBe(idle);
  });
});

describe('questions', () => {
  const question: RowQuery = {
    source: 'locks',
    on: [],
    keys: [],
    pids: undefined,
    predicates: [],
    orderBy: [],
    limit: undefined,
    allDatabases: false,
  };

  it('have a placeholder for every value, and nothing of the values in their text', () => {
    const text = fc.string({ minLength: 6 }).map((rest) => `§${rest}`);
    const predicates = fc.array(
      fc.oneof(
        text.map((value): Predicate => ({ op: 'eq', path: 'activity.user', value })),
        fc.array(text).map((values): Predicate => ({ op: 'in', path: 'relName', values })),
        text.map((value): Predicate => ({ op: 'not', of: [{ op: 'like', path: 'type', value }] })),
      ),
    );
    const source = fc.constantFrom('locks', 'blocked');
    fc.assert(
      fc.property(source, predicates, text, fc.array(fc.nat()), (from, all, table, pids) => {
        const query = {
          ...question,
          source: from,
          predicates: all,
          on: [{ table }],
          pids,
          limit: 5,
        } as const;
        for (const statement of [findRows, countRows]) {
          const { text: sql, values = [] } = statement(query, 180_000);
          expect(placeholders(sql)).toBe(values.length);
          expect(sql).not.toContain('§');
        }
      }),
      { numRuns: 50 },
    );
  });

  it('know only the columns of their tables', () => {
    expect(columnOf(LOCK_ATTRIBUTES, 'activity.pid')).toBe('r."activity.pid"');
    for (const path of ['blockingActivity.pid', 'toString', '"; DROP TABLE x; --'])
      expect(() => columnOf(LOCK_ATTRIBUTES, path)).toThrow('Unknown attribute');
    expect(columnOf(BLOCKED_ATTRIBUTES, 'blockingActivity.pid')).toContain('blockingActivity.pid');
  });

  it('are true without conditions, and "not" is everything else, rows without a value included', () => {
    const values = new StatementValues();
    expect(allOf([], LOCK_ATTRIBUTES, values)).toBe('TRUE');
    const not: Predicate = { op: 'not', of: [{ op: 'isNull', path: 'relName', value: false }] };
    expect(allOf([not], LOCK_ATTRIBUTES, values)).toBe('(r."relName" IS NOT NULL) IS NOT TRUE');
    expect(values.list).toEqual([]);
  });
});
