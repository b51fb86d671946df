import { isAtLeast } from '../observe/lock-strength.js';
import type { ExplainedLock } from '../report.js';
import { actionsOf, lines, names, namesOf, type Judged, type Rule } from './rule.js';

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
            title: `ATTACH PARTITION reads ${scans.join(', ')} while it is locked.`,
            remedy: lines(
              `ALTER TABLE ${action.name} ADD CONSTRAINT attach_check CHECK (…) NOT VALID; -- what ${action.rest || 'the bounds say'}, and IS NOT NULL`,
              `ALTER TABLE ${action.name} VALIDATE CONSTRAINT attach_check; -- in a transaction of its own`,
              `ALTER TABLE ${table} ATTACH PARTITION ${action.name} ${action.rest};`,
              `ALTER TABLE ${action.name} DROP CONSTRAINT attach_check;`,
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
              `ALTER TABLE ${action.name} DROP CONSTRAINT …;`,
            ),
          },
        ]),
  ];
};

const detach: Rule = (judged) => {
  const [action] = actionsOf(judged, 'detach partition');
  const others = action === undefined ? [] : unnamed(judged);
  if (action === undefined || others.length === 0) return undefined;
  return {
    name: 'detach-partition',
    title: `DETACH PARTITION locks ${namesOf(others)} as well, CONCURRENTLY too; a lock_timeout there leaves the partition "detach pending".`,
    remedy: lines(
      `-- drop the foreign key to ${judged.alter?.table ?? ''} first, add it NOT VALID afterwards`,
      `ALTER TABLE ${judged.alter?.table ?? ''} DETACH PARTITION ${action.name} FINALIZE; -- ends what is pending`,
    ),
  };
};

const partitionOfReferenced: Rule = (judged) => {
  const { command, statement } = judged;
  if (!command.startsWith('CREATE TABLE') || !/\bpartition\s+of\b/i.test(statement.sql)) return undefined;
  const others = unnamed(judged);
  if (others.length === 0) return undefined;
  return {
    name: 'partition-of-referenced',
    title: `${namesOf(others)} refers to the parent: writers of it wait while the partition is made (from PostgreSQL 15 on).`,
    remedy: lines(`SET lock_timeout = '2s';`, '-- ahead of time, not when the partition is needed'),
  };
};

const defaultPartition: Rule = (judged) => {
  const defaults = judged.statement.defaultPartitions ?? [];
  const held = judged.stopping.filter(
    ({ relation }) => defaults.includes(relation) && !names(judged.statement.sql, relation),
  );
  if (held.length === 0) return undefined;
  return {
    name: 'default-partition',
    title: `The default partition ${namesOf(held)} is locked as well, in ${held[0]?.mode ?? ''}, and read where rows may belong elsewhere.`,
    remedy:
      '-- keep it empty, or with a validated CHECK that excludes the new bounds, so that it is not read',
  };
};

const analyzePartitioned: Rule = ({ command, locks }) =>
  command.startsWith('ANALYZE') && locks.filter(({ kind }) => kind === 'table').length > 1
    ? {
        name: 'analyze-keeps-partitions',
        title: `Keeps SHARE UPDATE EXCLUSIVE on ${namesOf(locks)} until the transaction ends: no VACUUM there.`,
        remedy: '-- outside of a transaction, partition by partition',
      }
    : undefined;

const firstUse: Rule = ({ command, locks, statement }) => {
  const parents = locks.filter(
    ({ kind, relation, mode }) =>
      kind === 'partitioned table' && !isAtLeast(mode, 'SHARE') && !names(statement.sql, relation),
  );
  if (!/^(INSERT|UPDATE)\b/.test(command) || parents.length === 0) return undefined;
  return {
    name: 'first-use-of-partition',
    title: `The first write of a session to the partition locks ${namesOf(parents)}; later ones do not. Behind DDL of the parent a part of a pool waits.`,
    remedy: `-- write to ${namesOf(parents)} instead`,
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
