import { deleteSome } from './remedies.js';
import { lines, namesOf, type Judged, type Rule } from './rule.js';

/** Those that refer to others first. */
function referencingFirst({ statement: { foreignKeys = [] }, stopping }: Judged): readonly string[] {
  const left = new Set(stopping.map(({ relation }) => relation));
  const ordered: string[] = [];
  while (left.size > 0) {
    const next = [...left].find((table) =>
      foreignKeys.every(
        ({ table: from, references }) => references !== table || from === table || !left.has(from),
      ),
    );
    const [first = ''] = left;
    ordered.push(next ?? first);
    left.delete(next ?? first);
  }
  return ordered;
}

const truncate: Rule = (judged) => {
  const { command, stopping } = judged;
  if (!command.startsWith('TRUNCATE') || stopping.length === 0) return undefined;
  return {
    name: 'truncate',
    title: `TRUNCATE takes ACCESS EXCLUSIVE on ${namesOf(stopping)}, and replicas' transactions see it empty.`,
    remedy: lines(
      '-- where it is in use, in batches, tables that refer to others first:',
      ...referencingFirst(judged).map(deleteSome),
    ),
  };
};

const wholeTableChange: Rule = (judged) => {
  const { command, statement, locks } = judged;
  if (!/^(UPDATE|DELETE)\b/.test(command) || statement.scans.length === 0) return undefined;
  if (/\bwhere\b/i.test(statement.sql) || (locks.length === 0 && judged.earlier.length === 0))
    return undefined;
  return {
    name: 'whole-table-change',
    title: `${command.split(' ')[0] ?? ''} without WHERE locks every row of ${statement.scans.join(', ')} until the transaction ends.`,
    remedy: lines(
      '-- in batches of some thousand rows by primary key, each in a transaction of its own',
      ...(command.startsWith('DELETE') ? statement.scans.map(deleteSome) : []),
    ),
  };
};

const fullVacuum: Rule = ({ command, statement, locks }) => {
  const full =
    command.startsWith('CLUSTER') || (command.startsWith('VACUUM') && /\bfull\b/i.test(statement.sql));
  const tables = locks.filter(({ kind }) => !kind.endsWith('index'));
  if (!full || tables.length === 0) return undefined;
  return {
    name: 'full-vacuum',
    title: `${command.split(' ')[0] ?? ''} writes ${namesOf(tables)} anew while reads and writes wait.`,
    remedy: lines(
      `VACUUM (ANALYZE) ${namesOf(tables)}; -- gives the space back to the table`,
      '-- pg_repack or pg_squeeze where it must go back to the disk',
    ),
  };
};

/** Hazards of all rows at once: emptied, changed, or packed. @internal */
export const ROW_RULES: readonly Rule[] = [truncate, wholeTableChange, fullVacuum];
