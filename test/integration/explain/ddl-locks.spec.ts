import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { explainMigration } from '../../../lib/explain/explain-migration.js';
import type { ExplainedStatement } from '../../../lib/explain/report.js';
import { useDatabase } from '../../support/database.js';
import { DDL_CASES, DDL_SCHEMA, type DdlCase } from './ddl-statements.js';

/**
 * What each statement was seen to do, by majors. `PGLOCK_WRITE_DDL_LOCKS=1` writes the major under test into the file, and the page of
 * the guides from the file; without it both are compared.
 */
const EXPECTED = new URL('./ddl-locks.json', import.meta.url);
const PAGE = new URL('../../../docs/ddl-locks.md', import.meta.url);
const WRITE = process.env['PGLOCK_WRITE_DDL_LOCKS'] === '1';

type Effects = readonly string[];
type Table = Record<string, Record<string, Effects>>;

const table: Table = existsSync(EXPECTED) ? (JSON.parse(readFileSync(EXPECTED, 'utf8')) as Table) : {};
const db = useDatabase();
const seen = new Map<string, Effects>();
let major = 0;

const HIDDEN = new Set(['sequence', 'composite type']);

function effectsOf({ locks, rewrites, scans }: ExplainedStatement): Effects {
  return [
    ...locks
      .filter(({ created, kind }) => created !== true && !HIDDEN.has(kind))
      .map(({ relation, mode }) => `${relation.replace(/^public\./, '')}: ${mode}`),
    ...rewrites.map((relation) => `${relation.replace(/^public\./, '')}: new file`),
    ...scans.map((relation) => `${relation.replace(/^public\./, '')}: read whole`),
  ].sort();
}

/** Of a sampled statement only the first lock is certain to be seen. */
function comparable({ outside }: DdlCase, effects: Effects): Effects {
  return outside
    ? effects.filter((effect) => /^[tp]: SHARE UPDATE|^t: ACCESS EX|^t: new/.test(effect))
    : effects;
}

/** What is rolled back leaves the tables for the next. */
let isUntouched = false;

async function explained(one: DdlCase): Promise<Effects> {
  if (!isUntouched || one.before !== undefined || one.outside) {
    await db.admin.query(
      'DROP SCHEMA IF EXISTS other CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public',
    );
    await db.admin.query(DDL_SCHEMA + (one.before ?? ''));
    await db.admin.query('ANALYZE');
  }
  isUntouched = one.before === undefined && !one.outside;
  const carryOut = one.outside ?? false;
  const { statements } = await explainMigration({ database: db.url, sql: one.sql, yes: true, carryOut });
  const [statement] = statements;
  if (statement?.error) return [`${statement.error.code} ${statement.error.message}`];
  return comparable(one, effectsOf(statement!));
}

describe('the locks that statements take', () => {
  beforeAll(async () => {
    const { rows } = await db.admin.query<{ v: string }>(`SELECT current_setting('server_version_num') AS v`);
    major = Math.floor(Number(rows[0]?.v) / 10_000);
  });

  it('are those of the pinned table', async () => {
    for (const one of DDL_CASES) if ((one.since ?? 0) <= major) seen.set(one.sql, await explained(one));
    if (WRITE) {
      for (const [sql, effects] of seen) (table[sql] ??= {})[major] = effects;
      const known = new Set(DDL_CASES.map(({ sql }) => sql));
      for (const sql of Object.keys(table)) if (!known.has(sql)) Reflect.deleteProperty(table, sql);
      writeFileSync(EXPECTED, `${JSON.stringify(table, undefined, 2)}\n`);
      writeFileSync(PAGE, page(table));
    }
    const pinned = Object.entries(table).flatMap(([sql, majors]) =>
      majors[major] === undefined ? [] : [[sql, majors[major]]],
    );
    if (pinned.length === 0) return; // a major that nothing is pinned for
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(pinned) as object);
    expect(seen.size).toBeGreaterThan(80);
  }, 60_000);

  it('are those of the guide', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(page(table));
  });
});

function page(rows: Table): string {
  const majors = [...new Set(Object.values(rows).flatMap((row) => Object.keys(row)))].sort();
  const [oldest = '', newest = ''] = [majors[0], majors.at(-1)];
  const lines = DDL_CASES.map(({ sql, outside }) => {
    const row = rows[sql] ?? {};
    const now = row[newest] ?? [];
    const before = row[oldest];
    const differs = before !== undefined && JSON.stringify(before) !== JSON.stringify(now);
    const text = differs ? `${cell(now)}; in ${oldest}: ${cell(before)}` : cell(now);
    return `| \`${sql.replaceAll('|', '\\|')}\`${outside ? ' (not in a transaction)' : ''} | ${text} |`;
  });
  return `${head(oldest, newest)}${lines.join('\n')}\n`;
}

function cell(effects: Effects): string {
  return effects.length === 0 ? 'none' : effects.join(', ');
}

function head(oldest: string, newest: string): string {
  return `# What statements lock

Seen on PostgreSQL ${oldest} and ${newest} by the test suite, with [\`pglock explain\`](explain.md): of each relation the strongest lock that
the statement took, whether it was given a new file (written anew, or emptied), and whether it was read whole. New relations, which nobody
can wait for, and sequences are left out.

\`t\` has fifty rows, the index \`t_a\`, a view \`v\` and a materialized view \`m\`; \`r\` refers to \`t\`; \`s\` does not; \`p\` is partitioned, with the
partition \`p1\` and the default partition \`pd\`; \`q\` stands alone; \`d\` has a column of the domain \`positive\`.

<!-- prettier-ignore -->
| statement | locks |
| --- | --- |
`;
}
