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

/** What of a remedy is SQL, each line in a transaction of its own. */
function statementsOf({ remedy }: ExplainFinding): string[] {
  return remedy
    .split('\n')
    .filter((line) => !line.startsWith('--') && !line.includes('…') && line !== 'COMMIT;');
}

function tried({ remedy }: HazardCase, sql: string, finding: ExplainFinding): string {
  const safer = statementsOf(finding).join('\nCOMMIT;\n');
  if (remedy === 'in front') return `${safer} ${sql.split(';').at(-1)}`;
  return remedy === 'at the end' ? `${sql.slice(0, sql.lastIndexOf(';'))}; COMMIT; ${safer}` : safer;
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

  it.each(HAZARD_CASES.filter(({ remedy }) => remedy !== undefined))(
    '$hazard does not show in what --safe says instead',
    async (one) => {
      for (const sql of one.shows) {
        const [finding] = found(await explained(sql, one.before ?? '', one.carryOut ?? false), one.hazard);
        const safer = tried(one, sql, finding!);
        const report = await explained(safer, one.before ?? '', true);
        expect([safer, errorsIn(report), found(report, one.hazard)]).toEqual([safer, [], []]);
        expect(report.statements.length).toBeGreaterThan(0);
      }
    },
  );
});
