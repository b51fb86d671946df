import { partsOf, quoted } from '../observe/relation-names.js';
import { concurrentReindex, exchange, likeIt } from './remedies.js';
import {
  actionsOf,
  altersPartitioned,
  columnsOf,
  isAltered,
  lines,
  madeName,
  makesView,
  names,
  namesOf,
  type Found,
  type Judged,
  type Rule,
} from './rule.js';

const rewrite: Rule = (judged) => {
  const { statement, command } = judged;
  if (statement.rewrites.length === 0 || command.startsWith('TRUNCATE')) return undefined;
  // Another index takes its place.
  if (command.startsWith('REINDEX') && /\bconcurrently\b/i.test(statement.sql)) return undefined;
  const list = statement.rewrites.join(', ');
  const cause = [...volatileDefault(judged), ...typeChange(judged)][0];
  return {
    name: 'rewrite',
    title: `Writes ${list} anew, row by row, while ${statement.carriedOut ? 'its lock is held' : 'reads and writes wait'}.`,
    remedy: cause?.remedy ?? insteadOfRewrite(judged),
  };
};

function insteadOfRewrite({ command, statement, alter }: Judged): string {
  if (command.startsWith('REINDEX')) return concurrentReindex(statement.sql);
  if (/^(CLUSTER|VACUUM)/.test(command))
    return lines(
      ...statement.rewrites.map((table) => `VACUUM (ANALYZE) ${table}; -- outside of a transaction`),
    );
  const table = alter?.object === 'table' ? alter.table : undefined;
  if (table === undefined) return '-- a new one beside it, filled in batches, and exchanged by renaming';
  const [, key] =
    [...(statement.partitionKeys ?? [])].find(([relation]) => names(`SELECT ${table}`, relation)) ?? [];
  return lines(`${likeIt(table, key)}; -- changed while it is empty`, ...exchange(table));
}

/** Whether the table that the statement alters, or its partitions, were written anew, or read. */
function touched(judged: Judged, what: 'rewrites' | 'scans'): boolean {
  const { statement, alter } = judged;
  if (alter === undefined || statement[what].length === 0) return false;
  return altersPartitioned(judged) || statement[what].some((relation) => isAltered(alter, relation));
}

function volatileDefault(judged: Judged): Found[] {
  const table = judged.alter?.table ?? '';
  const columns = actionsOf(judged, 'add column').filter(({ hasDefault }) => hasDefault);
  if (!touched(judged, 'rewrites')) return [];
  return columns.map(({ name, rest }) => {
    const [, type = rest, expression = '…'] =
      /^(.*?)\s+default\s+(.*?)(?:\s+not\s+null)?$/is.exec(rest) ?? [];
    const generated = /\bgenerated\b|^\s*(small|big)?serial/i.test(rest);
    return {
      name: 'volatile-default',
      title: `Column ${name} gets another value in each row, so that all of ${table} is written anew.`,
      remedy: generated
        ? lines(
            `ALTER TABLE ${table} ADD COLUMN ${name} ${plainType(rest)};`,
            '-- fill it in batches and by a trigger, then set default and NOT NULL',
          )
        : lines(
            `ALTER TABLE ${table} ADD COLUMN ${name} ${type.replace(/\s+not\s+null/i, '')};`,
            `ALTER TABLE ${table} ALTER COLUMN ${name} SET DEFAULT ${expression};`,
            `-- in batches: UPDATE ${table} SET ${name} = ${expression} WHERE ${name} IS NULL AND …;`,
          ),
    };
  });
}

function plainType(rest: string): string {
  if (/^\s*bigserial/i.test(rest)) return 'bigint';
  if (/^\s*smallserial/i.test(rest)) return 'smallint';
  return /^\s*serial/i.test(rest)
    ? 'integer'
    : rest.replace(/\s+generated\b.*$/is, '').replace(/\s+not\s+null/i, '');
}

function typeChange(judged: Judged): Found[] {
  const table = judged.alter?.table ?? '';
  const rewritten = judged.statement.rewrites.length > 0;
  if (!rewritten) return [];
  return actionsOf(judged, 'alter type').map(({ name, rest }) => {
    const type = rest.replace(/\s+using\b.*$/is, '');
    const fresh = madeName(name, 'new');
    return {
      name: 'type-change-rewrite',
      title: `Changing the type of ${name} writes ${judged.statement.rewrites.join(', ')} anew.`,
      remedy: lines(
        `ALTER TABLE ${table} ADD COLUMN ${fresh} ${type};`,
        `-- a trigger keeps it up to date; in batches: UPDATE ${table} SET ${fresh} = ${name} WHERE …;`,
        `-- then in one short transaction:`,
        `ALTER TABLE ${table} DROP COLUMN ${name};`,
        `ALTER TABLE ${table} RENAME COLUMN ${fresh} TO ${name};`,
      ),
    };
  });
}

const setNotNull: Rule = (judged) => {
  const table = judged.alter?.table ?? '';
  if (!touched(judged, 'scans')) return undefined;
  return actionsOf(judged, 'set not null').map(({ name }) => {
    const constraint = madeName(table, name, 'not_null');
    return {
      name: 'set-not-null',
      title: `SET NOT NULL of ${name} reads all of ${table} while reads and writes wait.`,
      remedy: lines(
        ...columnsOf(judged, name),
        `ALTER TABLE ${table} ADD CONSTRAINT ${constraint} CHECK (${name} IS NOT NULL) NOT VALID;`,
        `ALTER TABLE ${table} VALIDATE CONSTRAINT ${constraint}; -- in a transaction of its own`,
        `ALTER TABLE ${table} ALTER COLUMN ${name} SET NOT NULL; -- reads nothing any more`,
        `ALTER TABLE ${table} DROP CONSTRAINT ${constraint};`,
      ),
    };
  });
};

const rename: Rule = (judged) => {
  const { alter, stopping } = judged;
  if (alter === undefined || stopping.length === 0 || makesView(judged.later, alter.table)) return undefined;
  const [tables, columns] = [actionsOf(judged, 'rename'), actionsOf(judged, 'rename column')];
  return [
    ...tables.map(({ name }) => ({
      name: 'rename' as const,
      title: `Replicas that run still ask for ${alter.table}, which is ${name} from now on.`,
      remedy: lines(
        '-- in the same transaction, until no replica uses the old name:',
        `CREATE VIEW ${alter.table} AS SELECT * FROM ${name};`,
      ),
    })),
    ...columns.map(({ name, rest }) => ({
      name: 'rename' as const,
      title: `Replicas that run still ask for ${alter.table}.${name}.`,
      remedy: lines(
        `-- add ${rest.replace(/^to\s+/i, '')} beside it, write both, fill it in batches, read the new one,`,
        `-- and drop ${name} with a later release`,
      ),
    })),
  ];
};

const dropInUse: Rule = (judged) => {
  const { command, alter, stopping } = judged;
  const columns = stopping.length === 0 ? [] : actionsOf(judged, 'drop column');
  const found: Found[] = columns.map(({ name }) => ({
    name: 'drop-in-use',
    title: `Replicas that run may still read or write ${alter?.table ?? ''}.${name}.`,
    remedy: lines(
      `-- with the release before: no code names ${name} any more`,
      `ALTER TABLE ${alter?.table ?? ''} ALTER COLUMN ${name} DROP NOT NULL;`,
    ),
  }));
  const locked = stopping.filter(({ mode }) => mode === 'ACCESS EXCLUSIVE');
  // Tables that a foreign key, a trigger or a rule connects with it are locked as well.
  const dropped = locked.filter(({ relation }) =>
    names(judged.statement.sql, command === 'DROP SCHEMA' ? quoted(partsOf(relation).schema) : relation),
  );
  if (/^DROP (TABLE|VIEW|MATERIALIZED|FOREIGN|SCHEMA)/.test(command) && dropped.length > 0)
    found.push({
      name: 'drop-in-use',
      title: `Replicas that run may still use ${namesOf(dropped)}.`,
      remedy: lines(
        '-- with a release that does not name it any more; the release before renames it, which shows who does:',
        ...dropped.map(({ relation, kind }) => renamed(relation, kind)),
      ),
    });
  return found;
};

function renamed(relation: string, kind: string): string {
  const object = /view|foreign/.test(kind) ? kind.toUpperCase() : 'TABLE';
  return `ALTER ${object} ${relation} RENAME TO ${madeName(relation, 'unused')};`;
}

/** Hazards of tables: what is written anew, read whole, renamed or dropped. @internal */
export const TABLE_RULES: readonly Rule[] = [
  rewrite,
  volatileDefault,
  typeChange,
  setNotNull,
  rename,
  dropInUse,
];
