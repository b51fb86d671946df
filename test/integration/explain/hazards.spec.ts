import { explainMigration } from '../../../lib/explain/explain-migration.js';
import { HAZARDS, type HazardName } from '../../../lib/explain/hazards/hazard-names.js';
import type { ExplainFinding, ExplainReport } from '../../../lib/explain/report.js';
import { useDatabase } from '../../support/database.js';
import { DDL_SCHEMA } from './ddl-statements.js';
import { HAZARD_CASES, type HazardCase } from './hazard-cases.js';

const db = useDatabase();
let major = 0;

async function explained(sql: string, before: string, carryOut: boolean): Promise<ExplainReport> {
  await db.admin.query(
    'DROP SCHEMA IF EXISTS other CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public',
  );
  await db.admin.query(DDL_SCHEMA + before);
  return explainMigration({ database: db.url, sql, yes: true, carryOut });
}

function found({ statements }: ExplainReport, hazard: HazardName): readonly ExplainFinding[] {
  return statements.flatMap(({ findings }) => findings.filter(({ name }) => name === hazard));
}

const errorsIn = ({ statements }: ExplainReport) => statements.flatMap(({ error }) => error?.message ?? []);
const isHere = ({ since = 0 }: HazardCase) => major >= since;

/** What of a remedy is SQL. */
function statementsOf({ remedy }: ExplainFinding): string[] {
  return remedy.split('\n').filter((line) => !line.startsWith('--'));
}

/** The migration as its author would write it who does as the remedy says. */
function heeding({ remedy }: HazardCase, sql: string, finding: ExplainFinding): string {
  const lines = statementsOf(finding);
  // Each in a transaction of its own.
  const safer = lines.filter((line) => !line.startsWith('COMMIT;')).join('\nCOMMIT;\n');
  const [front, last] = [sql.slice(0, sql.lastIndexOf(';') + 1), sql.slice(sql.lastIndexOf(';') + 1)];
  switch (remedy) {
    case 'in front':
      return `${safer}\nCOMMIT; ${last}`;
    case 'at the end':
      return `${front} COMMIT; ${safer}`;
    case 'between':
      return [front, ...lines, last].join('\n');
    case 'behind':
      return `${sql};\n${safer}`;
    case 'first of each':
      return sql
        .split('COMMIT;')
        .map((transaction) => `${safer}\n${transaction}`)
        .join('COMMIT;');
    case 'as it is':
      return sql;
    case 'last':
      return lines.at(-1)!;
    default:
      return safer;
  }
}

describe('the hazards', () => {
  beforeAll(async () => {
    const { rows } = await db.admin.query<{ v: string }>(`SELECT current_setting('server_version_num') AS v`);
    major = Math.floor(Number(rows[0]?.v) / 10_000);
  });

  it('have all a case', () => {
    expect(HAZARD_CASES.map(({ hazard }) => hazard)).toEqual(HAZARDS.map(({ name }) => name));
  });

  it.each(HAZARD_CASES)('$hazard shows where it is', async (one) => {
    for (const sql of one.shows) {
      const report = await explained(sql, one.before ?? '', one.carryOut ?? false);
      expect([sql, found(report, one.hazard).length > 0]).toEqual([sql, isHere(one)]);
    }
  });

  it.each(HAZARD_CASES)('$hazard does not show where it is not', async (one) => {
    for (const sql of one.hides) {
      const before = one.beforeHidden ?? one.before ?? '';
      const report = await explained(sql, before, one.carryOut ?? false);
      expect([sql, found(report, one.hazard)]).toEqual([sql, []]);
    }
  });

  it.each(HAZARD_CASES)('$hazard has statements as its remedy, or advice', async (one) => {
    for (const sql of isHere(one) ? one.shows : []) {
      const [finding] = found(await explained(sql, one.before ?? '', one.carryOut ?? false), one.hazard);
      const isAdvice = statementsOf(finding!).length === 0 && one.remedy !== 'as it is';
      expect([sql, finding!.remedy, isAdvice]).toEqual([
        sql,
        finding!.remedy,
        one.advice?.includes(sql) ?? false,
      ]);
      expect(statementsOf(finding!).join('\n')).not.toContain('…');
    }
  });

  it.each(HAZARD_CASES.filter(({ remedy }) => remedy !== undefined))(
    '$hazard is gone, and nothing fails, where --safe is heeded',
    async (one) => {
      const { hazard, before = '', carryOut = false, inherent = false, mayFail } = one;
      const told = isHere(one) ? one.shows.filter((sql) => !one.advice?.includes(sql)) : [];
      for (const sql of told) {
        const first = await explained(sql, before, carryOut);
        const [finding] = found(first, hazard);
        const committed = one.remedy === 'last' ? statementsOf(finding!).slice(0, -1).join('') : '';
        const safer = heeding(one, sql, finding!);
        const report = await explained(safer, `${before};${committed}`, true);
        const errors = report.statements.flatMap(({ error }) =>
          error === null || error.code === mayFail ? [] : [error],
        );
        expect([safer, errors]).toEqual([safer, []]);
        expect([safer, found(report, inherent ? 'no-lock-timeout' : hazard)]).toEqual([safer, []]);
        expect(report.statements.length).toBeGreaterThan(0);
      }
    },
  );

  it.each([
    ['ALTER TABLE orders DROP COLUMN paid', []],
    ['ALTER TABLE orders DROP COLUMN "by Whom"', ['"Payer"']],
    ['ALTER TABLE orders DROP COLUMN paid, DROP COLUMN IF EXISTS editor', ['orders_paid_by_fkey']],
    ['ALTER TABLE orders DROP CONSTRAINT orders_paid_by_fkey', []],
    ['ALTER TABLE people DROP COLUMN nick CASCADE', ['"Payer"']],
    ['ALTER TABLE people DROP CONSTRAINT people_pkey CASCADE', ['orders_paid_by_fkey', 'own']],
    ['DROP TABLE orders', ['orders_paid_by_fkey', '"Payer"', 'own']],
  ])('drop-foreign-key names those that %s drops', async (sql, keys) => {
    const tables = `CREATE TABLE people (id int PRIMARY KEY, nick text UNIQUE);
CREATE TABLE orders (id int, paid int, editor int CONSTRAINT orders_paid_by_fkey REFERENCES people,
 "by Whom" text CONSTRAINT "Payer" REFERENCES people (nick), other int CONSTRAINT own REFERENCES people);`;
    const [finding] = found(await explained(sql, tables, false), 'drop-foreign-key');
    const dropped = finding?.remedy.match(/(?<=DROP CONSTRAINT )[^;]+/g) ?? [];
    expect([...dropped].sort()).toEqual([...keys].sort());
  });

  it('default-partition leads to a CHECK with which it is not read', async () => {
    for (const sql of [
      'CREATE TABLE n PARTITION OF p FOR VALUES FROM (100) TO (200)',
      'ALTER TABLE p ATTACH PARTITION q FOR VALUES FROM (100) TO (200)',
    ]) {
      const first = await explained(sql, '', false);
      expect(first.statements[0]?.scans).toContain('public.pd');
      const [finding] = found(first, 'default-partition');
      const report = await explained(heeding({ remedy: 'in front' } as HazardCase, sql, finding!), '', false);
      expect([finding?.remedy, errorsIn(report)]).toEqual([finding?.remedy, []]);
      expect(report.statements.at(-1)?.scans).not.toContain('public.pd');
    }
  });
});
