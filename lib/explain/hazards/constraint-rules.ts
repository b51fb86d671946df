import { isAtLeast } from '../observe/lock-strength.js';
import type { ForeignKey } from '../observe/session-view.js';
import type { ExplainedLock } from '../report.js';
import type { AlterAction } from './alter-table.js';
import {
  actionsOf,
  altersPartitioned,
  columnsOf,
  isAltered,
  isOrAre,
  keysBetween,
  lines,
  madeName,
  names,
  namesOf,
  stopsTable,
  unquoted,
  waitingFor,
  type Judged,
  type Rule,
} from './rule.js';

/** Constraints that the statement adds and checks at once. */
function checkedAtOnce(judged: Judged, constraint: AlterAction['constraint']): readonly AlterAction[] {
  const added = [...actionsOf(judged, 'add constraint'), ...actionsOf(judged, 'add column')];
  const read = judged.statement.scans.length > 0;
  return read ? added.filter((action) => action.constraint === constraint && !action.notValid) : [];
}

const foreignKey: Rule = (judged) => {
  const table = judged.alter?.table ?? '';
  return checkedAtOnce(judged, 'foreign key').map(({ kind, name, rest }) => {
    const references = /\breferences\b.*$/is.exec(rest)?.[0] ?? '';
    const target = /^references\s+((?:"(?:[^"]|"")*"|[^\s("])+)/i.exec(references)?.[1] ?? '…';
    const constraint =
      kind === 'add constraint' && name !== ''
        ? name
        : madeName(table, kind === 'add column' ? name : target, 'fkey');
    const column = `ALTER TABLE ${table} ADD COLUMN ${name} ${rest.replace(/\s*\breferences\b.*$/is, '')};`;
    const definition = kind === 'add column' ? `FOREIGN KEY (${name}) ${references}` : rest;
    const partitions = altersPartitioned(judged)
      ? judged.statement.scans.filter((scanned) => !names(`SELECT ${target}`, scanned))
      : [];
    return {
      name: 'foreign-key-not-valid' as const,
      title: `The foreign key reads ${judged.statement.scans.join(', ')} while ${waitingFor(judged.stopping)} wait.`,
      remedy: lines(
        ...(kind === 'add column' ? [column] : columnsOf(judged, rest)),
        ...(partitions.length === 0
          ? notValidFirst(table, constraint, definition)
          : [
              '-- NOT VALID on the parent works from PostgreSQL 18 on; with the keys of its partitions it reads nothing',
              ...partitions.flatMap((partition) => notValidFirst(partition, constraint, definition)),
              `ALTER TABLE ${table} ADD CONSTRAINT ${constraint} ${definition};`,
            ]),
      ),
    };
  });
};

function notValidFirst(table: string, constraint: string, definition: string): readonly string[] {
  return [
    `ALTER TABLE ${table} ADD CONSTRAINT ${constraint} ${definition} NOT VALID;`,
    `ALTER TABLE ${table} VALIDATE CONSTRAINT ${constraint}; -- in a transaction of its own`,
  ];
}

const check: Rule = (judged) => {
  const table = judged.alter?.table ?? '';
  return checkedAtOnce(judged, 'check').map(({ kind, name, rest }) => {
    const constraint =
      kind === 'add constraint' && name !== ''
        ? name
        : madeName(table, ...(kind === 'add column' ? [name] : []), 'check');
    const definition = /\bcheck\b.*$/is.exec(rest)?.[0] ?? rest;
    return {
      name: 'check-not-valid' as const,
      title: `The CHECK reads ${judged.statement.scans.join(', ')} while ${waitingFor(judged.stopping)} wait.`,
      remedy: lines(
        ...(kind === 'add column'
          ? [`ALTER TABLE ${table} ADD COLUMN ${name} ${rest.replace(/\s*\bcheck\b.*$/is, '')};`]
          : columnsOf(judged, definition)),
        ...notValidFirst(table, constraint, definition),
      ),
    };
  });
};

const validateInSameTransaction: Rule = (judged) => {
  const table = judged.alter?.table ?? '';
  const held = judged.statement.heldBefore.filter(
    (lock) => stopsTable(lock) && names(`SELECT ${table}`, lock.relation),
  );
  if (held.length === 0) return undefined;
  return actionsOf(judged, 'validate constraint').map(({ name }) => ({
    name: 'validate-in-same-transaction' as const,
    title: `Validates ${name} while ${waitingFor(held)} wait: NOT VALID has won nothing.`,
    remedy: lines('COMMIT; -- the NOT VALID', `ALTER TABLE ${table} VALIDATE CONSTRAINT ${name};`),
  }));
};

const domain: Rule = ({ command, locks }) => {
  const tables = locks.filter(({ mode }) => isAtLeast(mode, 'SHARE'));
  if (command !== 'ALTER DOMAIN' || tables.length === 0) return undefined;
  return {
    name: 'domain-constraint',
    title: `Locks every table with a column of the domain (${namesOf(tables)}): writes wait, with NOT VALID and VALIDATE too.`,
    remedy: lines(
      ...tables.map(
        ({ relation }) =>
          `-- a CHECK of each table instead: ALTER TABLE ${relation} ADD CHECK (…) NOT VALID; then VALIDATE CONSTRAINT`,
      ),
      '-- and another domain for new columns',
    ),
  };
};

const dropForeignKey: Rule = ({ command, statement, stopping, alter }) => {
  const drops =
    alter?.actions.some(({ kind }) => kind === 'drop constraint' || kind === 'drop column') ?? false;
  if (!drops && !command.startsWith('DROP TABLE')) return undefined;
  const others = stopping.filter(
    ({ relation, mode }) =>
      mode === 'ACCESS EXCLUSIVE' &&
      !names(statement.sql, relation) &&
      keysBetween(statement, relation).length > 0,
  );
  if (others.length === 0) return undefined;
  return {
    name: 'drop-foreign-key',
    title: `A foreign key goes with it: ${namesOf(others)} ${isOrAre(others)} locked as well, and reads and writes of it wait.`,
    remedy: lines(
      `SET lock_timeout = '2s';`,
      ...keysOf(statement, others, alter).map((drop) => `${drop} -- first, in a transaction of its own`),
    ),
  };
};

/** The statements that drop those foreign keys between what it names and these tables that go with what it drops. */
function keysOf(
  statement: Judged['statement'],
  tables: readonly ExplainedLock[],
  alter: Judged['alter'],
): string[] {
  const keys = [...new Set(tables.flatMap(({ relation }) => keysBetween(statement, relation)))];
  return keys
    .filter((key) => alter?.actions.some((action) => goesWith(key, action, alter)) ?? true)
    .filter(({ name }) => !names(statement.sql, name))
    .map(({ table, name }) => `ALTER TABLE ${table} DROP CONSTRAINT ${name};`);
}

/** Whether a foreign key is dropped by an action on one of its two tables. */
function goesWith(
  { table, columns, references, referenced, key }: ForeignKey,
  { kind, name }: AlterAction,
  alter: Judged['alter'],
): boolean {
  const dropped = unquoted(name);
  const isReferenced = isAltered(alter, references);
  if (kind === 'drop column')
    return (
      (isAltered(alter, table) && columns.includes(dropped)) || (isReferenced && referenced.includes(dropped))
    );
  return kind === 'drop constraint' && isReferenced && key === dropped;
}

const enumValue: Rule = (judged) =>
  judged.statement.error?.code === '55P04' && judged.earlier.some(({ sql }) => /\badd\s+value\b/i.test(sql))
    ? {
        name: 'enum-value-in-transaction',
        title: 'A new value of an enum cannot be used in the transaction that adds it.',
        remedy: lines('COMMIT; -- the new value', 'BEGIN;'),
      }
    : undefined;

const outside: Rule = ({ statement: { error, transactional } }) =>
  error?.code === '25001' && !transactional
    ? {
        name: 'cannot-run-in-transaction',
        title: 'It cannot run in a transaction, so that nothing of it was tried.',
        remedy: '-- alone in a migration without a transaction; --carry-out has it run here',
      }
    : undefined;

const grant: Rule = ({ command, locks }) =>
  /^(GRANT|REVOKE)\b/.test(command) && locks.length > 0
    ? {
        name: 'grant-takes-lock',
        title: `Locks ${namesOf(locks)} against DDL, from PostgreSQL 18 on; before, it fails with XX000 beside a committing ALTER.`,
        remedy: '-- apart from migrations that alter the same tables',
      }
    : undefined;

/** Hazards of constraints, domains and types. @internal */
export const CONSTRAINT_RULES: readonly Rule[] = [
  foreignKey,
  check,
  validateInSameTransaction,
  domain,
  dropForeignKey,
  enumValue,
  outside,
  grant,
];
