import { beside, concurrentReindex, exchange } from './remedies.js';
import {
  actionsOf,
  altersPartitioned,
  columnsOf,
  isAltered,
  lines,
  madeName,
  namesOf,
  waitingFor,
  type Judged,
  type Rule,
} from './rule.js';

const ON_TABLE = /\bon\s+(only\s+)?/i;

/** IF NOT EXISTS, and there is one. */
function isThereAlready({ sql, locks, partial }: Judged['statement']): boolean {
  const isMade = locks.some(({ kind, created }) => created === true && kind.endsWith('index'));
  return /\bif\s+not\s+exists\b/i.test(sql) && !isMade && !partial;
}

const indexNotConcurrent: Rule = ({ command, statement, stopping }) => {
  if (
    !/^CREATE (UNIQUE|INDEX)\b/.test(command) ||
    stopping.length === 0 ||
    (statement.carriedOut && !statement.transactional) ||
    isThereAlready(statement)
  )
    return undefined;
  const partitioned = stopping.some(({ kind }) => kind === 'partitioned table');
  return {
    name: 'index-not-concurrent',
    title: `Builds an index while ${waitingFor(stopping)} wait.`,
    remedy: partitioned
      ? lines(
          `${statement.sql.replace(ON_TABLE, 'ON ONLY ')};`,
          '-- then for each partition: CREATE INDEX CONCURRENTLY … ON partition (…); ALTER INDEX … ATTACH PARTITION …;',
        )
      : `${statement.sql.replace(/\bindex\b/i, 'INDEX CONCURRENTLY')}; -- outside of a transaction`,
  };
};

const uniqueNotByIndex: Rule = (judged) => {
  const { alter, stopping } = judged;
  if (alter === undefined || stopping.length === 0) return undefined;
  const added = [...actionsOf(judged, 'add constraint'), ...actionsOf(judged, 'add column')];
  return added.flatMap(({ kind, constraint, usingIndex, name, rest }) => {
    if (usingIndex || (constraint !== 'unique' && constraint !== 'primary key')) return [];
    const columns = /\([^)]*\)/.exec(rest)?.[0] ?? `(${name})`;
    const words = constraint === 'unique' ? 'UNIQUE' : 'PRIMARY KEY';
    const made =
      kind === 'add constraint' && name !== ''
        ? name
        : madeName(
            alter.table,
            ...(constraint === 'unique'
              ? [columns.replace(/\W+/g, '_').replace(/^_|_$/g, ''), 'key']
              : ['pkey']),
          );
    return {
      name: 'unique-not-by-index' as const,
      title: `${words} ${columns} builds its index while ${waitingFor(stopping)} wait.`,
      remedy: lines(
        ...(kind === 'add column'
          ? [
              `ALTER TABLE ${alter.table} ADD COLUMN ${name} ${rest.replace(/\s+(unique|primary\s+key)\b/i, '')};`,
            ]
          : columnsOf(judged, columns)),
        ...(altersPartitioned(judged)
          ? [
              `ALTER TABLE ONLY ${alter.table} ADD CONSTRAINT ${made} ${words} ${columns};`,
              `-- then for each partition: CREATE UNIQUE INDEX CONCURRENTLY … ON partition ${columns};`,
              `-- ALTER TABLE partition ADD ${words} USING INDEX …; ALTER INDEX ${made} ATTACH PARTITION …;`,
            ]
          : [
              `CREATE UNIQUE INDEX CONCURRENTLY ${made} ON ${alter.table} ${columns}; -- outside of a transaction`,
              `ALTER TABLE ${alter.table} ADD CONSTRAINT ${made} ${words} USING INDEX ${made};`,
            ]),
      ),
    };
  });
};

const exclusionConstraint: Rule = (judged) =>
  judged.stopping.length === 0
    ? undefined
    : actionsOf(judged, 'add constraint')
        .filter(({ constraint }) => constraint === 'exclude')
        .map(({ name, rest }) => ({
          name: 'exclusion-constraint' as const,
          title: `The exclusion constraint builds its index while ${waitingFor(judged.stopping)} wait; there is no concurrent way.`,
          remedy: withConstraint(
            judged.alter?.table ?? '',
            `${name === '' ? '' : `CONSTRAINT ${name} `}${rest}`,
          ),
        }));

function withConstraint(table: string, constraint: string): string {
  return lines(
    '-- in a maintenance window; else on a new table:',
    `CREATE TABLE ${beside(table, 'new')} (LIKE ${table} INCLUDING ALL, ${constraint});`,
    ...exchange(table),
  );
}

const invalidIndex: Rule = ({ statement: { invalidIndexes = [], leftIndexes = [] } }) =>
  invalidIndexes.map((index) => ({
    name: 'invalid-index' as const,
    title: `The build failed and left ${index} invalid: no query uses it, every write keeps it. ${leftIndexes.includes(index) ? 'It is still there, since another session holds it: drop it.' : 'Here it was dropped again.'}`,
    remedy: lines(
      `DROP INDEX CONCURRENTLY IF EXISTS ${index}; -- outside of a transaction`,
      '-- then build it again',
    ),
  }));

const renameByTable: Rule = (judged) => {
  const [index] = judged.locks.filter(
    ({ kind, mode }) => kind.endsWith('index') && mode === 'ACCESS EXCLUSIVE',
  );
  const [renamed] = actionsOf(judged, 'rename');
  if (judged.alter?.object !== 'table' || renamed === undefined || index === undefined) return undefined;
  if (!isAltered(judged.alter, index.relation)) return undefined;
  return {
    name: 'index-rename-by-table',
    title: `ALTER TABLE renames the index ${index.relation} under ACCESS EXCLUSIVE; ALTER INDEX takes SHARE UPDATE EXCLUSIVE.`,
    remedy: `ALTER INDEX ${judged.alter.table} RENAME TO ${renamed.name};`,
  };
};

const refreshNotConcurrent: Rule = ({ command, locks, statement }) => {
  const view = locks.find(({ kind, mode }) => kind === 'materialized view' && mode === 'ACCESS EXCLUSIVE');
  if (command !== 'REFRESH MATERIALIZED' || view === undefined) return undefined;
  const empties = /\s+with\s+no\s+data\s*$/i;
  return {
    name: 'refresh-not-concurrent',
    title: empties.test(statement.sql)
      ? `WITH NO DATA empties ${view.relation} under ACCESS EXCLUSIVE: reads fail until it is refreshed.`
      : `REFRESH takes ACCESS EXCLUSIVE on ${view.relation}: reads wait until it is filled.`,
    remedy: lines(
      '-- needs a unique index on it:',
      `${statement.sql.replace(empties, '').replace(/\bview\b/i, 'VIEW CONCURRENTLY')};`,
    ),
  };
};

const reindexNotConcurrent: Rule = ({ command, locks, statement }) => {
  if (!command.startsWith('REINDEX') || /\bconcurrently\b/i.test(statement.sql) || locks.length === 0)
    return undefined;
  return {
    name: 'reindex-not-concurrent',
    title: `REINDEX locks ${namesOf(locks)}: writes wait, and reads that would use the index.`,
    remedy: concurrentReindex(statement.sql),
  };
};

/** Hazards of indexes. @internal */
export const INDEX_RULES: readonly Rule[] = [
  indexNotConcurrent,
  uniqueNotByIndex,
  exclusionConstraint,
  invalidIndex,
  renameByTable,
  refreshNotConcurrent,
  reindexNotConcurrent,
];
