import { isAtLeast, stops } from '../observe/lock-strength.js';
import { timeText } from '../observe/time-text.js';
import { isLongChange, isDataChange } from './data-change.js';
import {
  keysBetween,
  lines,
  names,
  namesOf,
  stopsTable,
  waitingFor,
  type Judged,
  type Rule,
} from './rule.js';

const LONG_MS = 10_000;

const noLockTimeout: Rule = ({ statement: { lockTimeoutMs }, taking }) => {
  if (taking.length === 0 || lockTimeoutMs === undefined) return undefined;
  if (lockTimeoutMs === 0)
    return {
      name: 'no-lock-timeout',
      title: `Waits for ${namesOf(taking)} without a limit; meanwhile ${waitingFor(taking)} queue behind it.`,
      remedy: lines(`SET lock_timeout = '2s';`, '-- and try again, with a pause, when it fails with 55P03'),
    };
  if (lockTimeoutMs <= LONG_MS) return undefined;
  return {
    name: 'long-lock-timeout',
    title: `Waits up to ${timeText(lockTimeoutMs)} for ${namesOf(taking)}; meanwhile ${waitingFor(taking)} queue behind it.`,
    remedy: `SET lock_timeout = '2s';`,
  };
};

const accessExclusive: Rule = ({ locks }) => {
  const found = locks.filter(({ mode }) => mode === 'ACCESS EXCLUSIVE');
  if (found.length === 0) return undefined;
  return {
    name: 'access-exclusive',
    title: `Takes ACCESS EXCLUSIVE on ${namesOf(found)}: reads and writes wait until the transaction ends.`,
    remedy: lines(`SET lock_timeout = '2s';`, '-- alone in a transaction that does nothing else'),
  };
};

const severalTables: Rule = ({ statement, taking }) => {
  const before = statement.heldBefore.filter(stopsTable);
  const more = taking.filter(({ relation }) => before.every((held) => held.relation !== relation));
  if (before.length === 0 || more.length === 0) return undefined;
  return {
    name: 'several-tables',
    title: `Locks ${namesOf(more)} while ${namesOf(before)} ${before.length === 1 ? 'is' : 'are'} locked still.`,
    remedy: lines('COMMIT;', `-- ${namesOf(more)} in a transaction of its own`, 'BEGIN;'),
  };
};

/** Of each transaction, its tables in the order in which they were locked. */
function lockOrder({ run, statement }: Judged): readonly string[][] {
  const orders = new Map<number, string[]>();
  for (const { transaction, locks } of [...run, statement])
    for (const lock of locks)
      if (stopsTable(lock)) {
        const order = orders.get(transaction) ?? [];
        if (!order.includes(lock.relation)) order.push(lock.relation);
        orders.set(transaction, order);
      }
  const own = orders.get(statement.transaction) ?? [];
  orders.delete(statement.transaction);
  return [own, ...orders.values()];
}

const otherLockOrder: Rule = (judged) => {
  if (judged.taking.length === 0) return undefined;
  const [own = [], ...others] = lockOrder(judged);
  for (const { relation } of judged.taking)
    for (const first of own.slice(0, own.indexOf(relation)))
      for (const other of others) {
        const [at, behind] = [other.indexOf(relation), other.indexOf(first)];
        if (at === -1 || behind === -1 || at > behind) continue;
        return {
          name: 'lock-order',
          title: `Locks ${first} before ${relation}; another transaction of this run does it the other way round: run together they deadlock.`,
          remedy: `LOCK TABLE ${relation}, ${first} IN ACCESS EXCLUSIVE MODE; -- first in both transactions, in one order`,
        };
      }
  return undefined;
};

const dataChangeBeforeDdl: Rule = (judged) => {
  const { taking, statement } = judged;
  if (taking.length === 0 || isDataChange(statement)) return undefined;
  const long = judged.earlier.find(isLongChange);
  if (long === undefined) return undefined;
  return {
    name: 'data-change-before-ddl',
    title: `Takes ${namesOf(taking)} behind a change of data in the same transaction (line ${long.line}), whose row locks it keeps meanwhile.`,
    remedy: lines('COMMIT; -- the data first', 'BEGIN;'),
  };
};

const dataChangeUnderLock: Rule = ({ statement }) => {
  const held = statement.heldBefore.filter(stopsTable);
  if (held.length === 0 || !isLongChange(statement)) return undefined;
  return {
    name: 'data-change-under-lock',
    title: `Changes data while ${waitingFor(held)} wait.`,
    remedy: lines(
      'COMMIT; -- the lock',
      '-- then the data, in batches of some thousand rows, each in a transaction of its own',
    ),
  };
};

const lockTable: Rule = ({ command, statement, locks }) => {
  const [first] = locks.filter(({ mode }) => isAtLeast(mode, 'SHARE'));
  if (!command.startsWith('LOCK') || first === undefined) return undefined;
  const named = locks.filter(({ relation }) => names(statement.sql, relation));
  const name = namesOf(named.length === 0 ? locks : named).replaceAll("'", "''");
  return {
    name: 'lock-table',
    title: `LOCK TABLE takes ${first.mode} on ${namesOf(locks)}: ${stops(first.mode)} wait until the transaction ends.`,
    remedy: lines(
      `SELECT pg_advisory_xact_lock(hashtextextended('${name}', 0)); -- keeps other migrations out, and lets reads and writes pass`,
      ...(first.mode === 'ACCESS EXCLUSIVE' || first.mode === 'EXCLUSIVE'
        ? ['-- where writes must wait: SHARE ROW EXCLUSIVE MODE, which lets reads pass']
        : []),
    ),
  };
};

/** Where rules of their own say more. */
const EXPLAINED =
  /^(TRUNCATE|CREATE TABLE|ALTER DOMAIN|LOCK|REFRESH|VACUUM|ANALYZE|REINDEX|CLUSTER|DROP TABLE|SELECT|CALL|DO)\b/;

const otherTableLocked: Rule = ({ statement, taking, command, alter }) => {
  const partitions = alter?.actions.some(({ kind }) => kind.endsWith('partition')) ?? false;
  const drops = alter?.actions.some(({ kind }) => kind.startsWith('drop')) ?? false;
  if (partitions || EXPLAINED.test(command)) return undefined;
  const others = taking.filter(
    ({ relation }) =>
      !names(statement.sql, relation) && !(drops && keysBetween(statement, relation).length > 0),
  );
  if (others.length === 0) return undefined;
  return {
    name: 'other-table-locked',
    title: `Locks ${namesOf(others)} as well, which it does not name: ${waitingFor(others)} wait.`,
    remedy: withoutOthers(command, statement.sql, others),
  };
};

/** One index at a time, and nothing with it. */
const CONCURRENT_DROP = /^(\s*drop\s+index)(?!\s+concurrently\b)\b(?![^]*(?:,|\bcascade\b))/i;

function withoutOthers(command: string, sql: string, others: Judged['taking']): string {
  const isOnTable = others.every(({ kind }) => kind !== 'partitioned table');
  if (command.startsWith('DROP INDEX') && isOnTable && CONCURRENT_DROP.test(sql))
    return `${sql.replace(CONCURRENT_DROP, '$1 CONCURRENTLY')}; -- outside of a transaction`;
  return lines(`SET lock_timeout = '2s';`, `-- and expect ${namesOf(others)} to be busy`);
}

/** Hazards of locks, whatever takes them. @internal */
export const LOCK_RULES: readonly Rule[] = [
  noLockTimeout,
  accessExclusive,
  severalTables,
  otherLockOrder,
  dataChangeBeforeDdl,
  dataChangeUnderLock,
  lockTable,
  otherTableLocked,
];
