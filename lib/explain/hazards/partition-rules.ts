import type { ExplainedLock } from '../report.js';
import { partitionCheck } from './partition-check.js';
import {
  actionsOf,
  isOrAre,
  lines,
  madeName,
  makesPartition,
  names,
  namesOf,
  type Judged,
  type Rule,
} from './rule.js';

/** Tables that stop something and that the statement does not name; the default partition has a rule of its own. */
function unnamed({ statement, stopping }: Judged): readonly ExplainedLock[] {
  const defaults = statement.defaultPartitions ?? [];
  return stopping.filter(({ relation }) => !names(statement.sql, relation) && !defaults.includes(relation));
}

const attach: Rule = (judged) => {
  const [action] = actionsOf(judged, 'attach partition');
  const table = judged.alter?.table ?? '';
  if (action === undefined) return undefined;
  const { scans } = judged.statement;
  const referenced = unnamed(judged).filter(({ mode }) => mode === 'ACCESS EXCLUSIVE');
  return [
    ...(scans.length === 0
      ? []
      : [
          {
            name: 'attach-without-check' as const,
            title: `ATTACH PARTITION reads ${scans.join(', ')} under its locks.`,
            remedy: lines(
              ...checksFor(judged),
              `ALTER TABLE ${table} ATTACH PARTITION ${action.name} ${action.rest};`,
            ),
          },
        ]),
    ...(referenced.length === 0
      ? []
      : [
          {
            name: 'attach-with-foreign-key' as const,
            title: `${action.name} has a foreign key of its own, so that ATTACH takes ACCESS EXCLUSIVE on ${namesOf(referenced)}.`,
            remedy: lines(
              `-- attach ${action.name} without the key: the parent's is made then, under SHARE ROW EXCLUSIVE only`,
              ...dropKeys(
                judged.statement,
                (from) => names(`SELECT ${action.name}`, from),
                (to) => referenced.some(({ relation }) => relation === to),
              ),
              `ALTER TABLE ${table} ATTACH PARTITION ${action.name} ${action.rest};`,
            ),
          },
        ]),
  ];
};

/** CHECKs that say what the bounds say, of each partition that is read. */
function checksFor({ statement, alter }: Judged): readonly string[] {
  const {
    sql,
    defaultPartitions = [],
    partitionKeys = new Map<string, string>(),
    foreignKeys = [],
  } = statement;
  // What a foreign key refers to is read for the key.
  const scans = statement.scans.filter((table) =>
    foreignKeys.every(({ references }) => references !== table),
  );
  const parent = [...partitionKeys].find(([relation]) => names(`SELECT ${alter?.table ?? sql}`, relation));
  const check = partitionCheck(parent?.[1], sql);
  return scans.flatMap((table) => {
    const inside = check ?? '…'; // for people: what the bounds say, and IS NOT NULL
    const condition = defaultPartitions.includes(table) ? `NOT (${inside})` : inside;
    const name = madeName(table, 'bounds');
    return [
      `ALTER TABLE ${table} ADD CONSTRAINT ${name} CHECK (${condition}) NOT VALID; -- drop it afterwards`,
      ...(check === undefined ? ['-- what the bounds say, and IS NOT NULL; then VALIDATE CONSTRAINT'] : []),
      ...(check === undefined
        ? []
        : [`ALTER TABLE ${table} VALIDATE CONSTRAINT ${name}; -- in a transaction of its own`]),
    ];
  });
}

/** The statements that drop foreign keys between two sides. */
function dropKeys(
  { foreignKeys = [] }: Judged['statement'],
  isFrom: (table: string) => boolean,
  isTo: (table: string) => boolean,
): readonly string[] {
  return foreignKeys
    .filter(({ table, references }) => isFrom(table) && isTo(references))
    .map(({ table, name }) => `ALTER TABLE ${table} DROP CONSTRAINT ${name};`);
}

const detach: Rule = (judged) => {
  const [action] = actionsOf(judged, 'detach partition');
  const others = action === undefined ? [] : unnamed(judged);
  const table = judged.alter?.table ?? '';
  if (action === undefined || others.length === 0) return undefined;
  const keys = dropKeys(
    judged.statement,
    (from) => others.some(({ relation }) => relation === from),
    (to) => names(`SELECT ${table}`, to),
  );
  return {
    name: 'detach-partition',
    title: `DETACH PARTITION locks ${namesOf(others)} as well, CONCURRENTLY too; a lock_timeout there leaves the partition "detach pending".`,
    remedy: lines(
      ...(keys.length === 0
        ? [`SET lock_timeout = '2s';`, '-- and without CONCURRENTLY, so that a timeout leaves nothing:']
        : ['-- without the foreign keys to it, which are added NOT VALID afterwards:', ...keys]),
      `ALTER TABLE ${table} DETACH PARTITION ${action.name};`,
      `-- where CONCURRENTLY was interrupted: ALTER TABLE ${table} DETACH PARTITION ${action.name} FINALIZE;`,
    ),
  };
};

const partitionOfReferenced: Rule = (judged) => {
  if (!makesPartition(judged)) return undefined;
  const others = unnamed(judged);
  if (others.length === 0) return undefined;
  return {
    name: 'partition-of-referenced',
    title: `A foreign key connects ${namesOf(others)} with the parent: writers of it wait while the partition is made.`,
    remedy: lines(`SET lock_timeout = '2s';`, '-- ahead of time, not when the partition is needed'),
  };
};

const defaultPartition: Rule = (judged) => {
  const comes = makesPartition(judged) || actionsOf(judged, 'attach partition').length > 0;
  const goes = judged.command.startsWith('DROP TABLE') || actionsOf(judged, 'detach partition').length > 0;
  if (!comes && !goes) return undefined;
  const defaults = judged.statement.defaultPartitions ?? [];
  const held = judged.stopping.filter(
    ({ relation }) => defaults.includes(relation) && !names(judged.statement.sql, relation),
  );
  if (held.length === 0) return undefined;
  return {
    name: 'default-partition',
    title: `The default partition ${namesOf(held)} ${isOrAre(held)} locked as well, in ${held[0]?.mode ?? ''}${comes ? ', and read where rows may belong elsewhere' : ''}.`,
    remedy: lines(
      `SET lock_timeout = '2s';`,
      ...(comes ? checksFor(judged) : []),
      ...(comes ? ['-- an empty one, or one with such a CHECK, is locked, but not read'] : []),
    ),
  };
};

const analyzePartitioned: Rule = ({ command, locks }) => {
  const tables = locks.filter(({ kind }) => kind === 'table');
  if (!command.startsWith('ANALYZE') || tables.length < 2) return undefined;
  return {
    name: 'analyze-keeps-partitions',
    title: `Keeps SHARE UPDATE EXCLUSIVE on ${namesOf(tables)} until the transaction ends: no VACUUM there.`,
    remedy: lines(
      '-- outside of a transaction, partition by partition; then the parent, for figures of its own',
      ...tables.map(({ relation }) => `ANALYZE ${relation};`),
    ),
  };
};

/** What stands before the table that is written to, and its name. */
const WRITTEN = /^(\s*(?:insert\s+into|update(?:\s+only)?)\s+)(?:(?:"(?:[^"]|"")*"|[^\s(".]+)\.?)+/i;

const firstUse: Rule = ({ command, locks, statement }) => {
  // For the bounds of the partition; partitions that a write to their parent reaches are locked as it is.
  const parents = locks.filter(
    ({ kind, relation, mode }) =>
      kind === 'partitioned table' && mode === 'ACCESS SHARE' && !names(statement.sql, relation),
  );
  if (!/^(INSERT|UPDATE)\b/.test(command) || parents.length === 0) return undefined;
  return {
    name: 'first-use-of-partition',
    title: `The first write of a session to the partition locks ${namesOf(parents)}; later ones do not. Behind DDL of the parent a part of a pool waits.`,
    remedy: lines(
      '-- write to the parent, which each session locks alike:',
      `${statement.sql.replace(WRITTEN, (_, before: string) => `${before}${parents[0]?.relation ?? ''}`)};`,
    ),
  };
};

/** Hazards of partitions. @internal */
export const PARTITION_RULES: readonly Rule[] = [
  attach,
  detach,
  partitionOfReferenced,
  defaultPartition,
  analyzePartitioned,
  firstUse,
];
