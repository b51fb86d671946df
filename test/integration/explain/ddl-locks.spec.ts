import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import pg from 'pg';
import { explainMigration } from '../../../lib/explain/explain-migration.js';
import { traceCommand } from '../../../lib/explain/trace/trace-command.js';
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

async function prepared(one: DdlCase): Promise<void> {
  await db.admin.query(
    'DROP SCHEMA IF EXISTS other CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public',
  );
  await db.admin.query(DDL_SCHEMA + (one.before ?? ''));
  await db.admin.query('ANALYZE');
}

function effects(one: DdlCase, statement: ExplainedStatement | undefined): Effects {
  if (statement?.error) return [`${statement.error.code} ${statement.error.message}`];
  return comparable(one, effectsOf(statement!));
}

async function explained(one: DdlCase): Promise<Effects> {
  if (!isUntouched || one.before !== undefined || one.outside) await prepared(one);
  isUntouched = one.before === undefined && !one.outside;
  const carryOut = one.outside ?? false;
  const { statements } = await explainMigration({ database: db.url, sql: one.sql, yes: true, carryOut });
  return effects(one, statements[0]);
}

/** The same, sent by a command through the tracer, which commits it. */
async function tracedAs(one: DdlCase, queryMode: 'simple' | 'extended'): Promise<Effects> {
  await prepared(one);
  const options = { database: db.url, live: null, yes: true, label: 'ddl', env: {} };
  const { report } = await traceCommand(options, async (env) => {
    const client = new pg.Client(env['DATABASE_URL']);
    await client.connect();
    const query = { text: one.sql, queryMode } as pg.QueryConfig;
    // What fails is in the report.
    await client.query(query).catch(() => undefined);
    await client.end();
  });
  expect(report.statements.map(({ partial }) => [one.sql, partial])).toEqual([[one.sql, !isLookedAt(one)]]);
  return effects(one, report.statements[0]);
}

/** Outside of transactions, what only reads or changes rows is passed on without a look. */
function isLookedAt({ sql }: DdlCase): boolean {
  return !/^(SELECT|INSERT|UPDATE|DELETE|COPY)\b/.test(sql);
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
  });

  it.each(['simple', 'extended'] as const)(
    'are the same through the tracer, in the %s protocol',
    async (mode) => {
      const cases = DDL_CASES.filter(
        (one) => !one.outside && (one.since ?? 0) <= major && isLookedAt(one) && one.sql !== 'LOCK TABLE t',
      );
      const traced = new Map<string, Effects>();
      for (const one of cases) traced.set(one.sql, await tracedAs(one, mode));
      expect(Object.fromEntries(traced)).toEqual(
        Object.fromEntries(cases.map(({ sql }) => [sql, seen.get(sql)])),
      );
      expect(traced.size).toBeGreaterThan(80);
    },
  );

  it('are those of the guide', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(page(table));
  });
});

function page(rows: Table): string {
  const majors = [...new Set(Object.values(rows).flatMap((row) => Object.keys(row)))].sort();
  const [oldest = '', newest = ''] = [majors[0], majors.at(-1)];
  const lines = DDL_CASES.map(({ sql, outside }) => {
    const cells = byEffects(rows[sql] ?? {}).map(([effects, of], index) =>
      index === 0 ? effects : `in ${range(of)}: ${effects}`,
    );
    return `| \`${sql.replaceAll('|', '\\|')}\`${outside ? ' (not in a transaction)' : ''} | ${cells.join('; ')} |`;
  });
  return `${head(oldest, newest)}${lines.join('\n')}\n`;
}

/** The different effects, those of the newest major first, each with its majors in ascending order. */
function byEffects(row: Record<string, Effects>): [effects: string, majors: string[]][] {
  const found = new Map<string, string[]>();
  for (const one of Object.keys(row).sort().reverse()) {
    const effects = row[one]!.length === 0 ? 'none' : row[one]!.join(', ');
    found.set(effects, [one, ...(found.get(effects) ?? [])]);
  }
  return [...found];
}

function range(majors: readonly string[]): string {
  return majors.length === 1 ? majors[0]! : `${majors[0]} to ${majors.at(-1)}`;
}

function head(oldest: string, newest: string): string {
  return `# What statements lock

Observed on PostgreSQL ${oldest} to ${newest} by the test suite, with [\`pglock explain\`](explain.md). For each relation, the table shows
the strongest lock that the statement took, whether the relation got a new file (rewritten, or emptied), and whether it was
read in full ("read whole"). New relations, which no other session can wait for, and sequences are left out.

\`t\` has fifty rows, the index \`t_a\`, a view \`v\` and a materialized view \`m\`; \`r\` references \`t\`; \`s\` does not; \`p\` is
partitioned, with the partition \`p1\` and the default partition \`pd\`; \`q\` is a standalone table; \`d\` has a column of the
domain \`positive\`.

<!-- prettier-ignore -->
| statement | locks |
| --- | --- |
`;
}
